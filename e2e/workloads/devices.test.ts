// Devices of DRA drivers on real nodes, as far as they go without a driver: the test itself publishes them.
import { pods } from "@knots/api/core/v1";
import { deviceClasses, resourceClaims, resourceSlices, type DeviceTaint } from "@knots/api/resource/v1";
import { isNotFound } from "@knots/machinery";
import { describe, expect, test } from "vitest";
import { client, hasCluster, IDLE, Place, shell } from "./place.ts";

/** Devices and a class of them that nobody else has, for the extended resource that the place has for itself. */
class Driver implements AsyncDisposable {
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
  }

  static async of(place: Place, nodeName: string, ...devices: string[]): Promise<Driver> {
    const driver = new Driver(place.namespace);
    const name = driver.#name;
    await client()
      .resource(deviceClasses)
      .create({
        metadata: { name },
        spec: {
          extendedResourceName: place.ownResource,
          selectors: [{ cel: { expression: `device.driver == "${name}"` } }],
        },
      });
    await client()
      .resource(resourceSlices)
      .create({
        metadata: { name },
        spec: {
          driver: name,
          nodeName,
          pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
          devices: devices.map((each) => ({ name: each })),
        },
      });
    return driver;
  }

  async taint(...taints: DeviceTaint[]): Promise<void> {
    const slices = client().resource(resourceSlices);
    const slice = await slices.get(this.#name);
    const devices = (slice.spec.devices ?? []).map((device) => ({ ...device, taints }));
    await slices.update({ ...slice, spec: { ...slice.spec, devices } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await client().resource(resourceSlices).delete(this.#name);
    await client().resource(deviceClasses).delete(this.#name);
  }
}

describe.skipIf(!hasCluster)("devices", { concurrent: true }, () => {
  test("a pod that asks for devices by an extended resource is placed, waits for their driver, and leaves them when they are tainted", async () => {
    await using place = await Place.open("devices");
    await using driver = await Driver.of(place, "node-2", "gpu-0", "gpu-1");
    await place.of(pods).create({
      metadata: { name: "pod" },
      spec: { containers: [shell(IDLE, { resources: { limits: { [place.ownResource]: "2" } } })] },
    });
    const pod = await place.until(pods, "pod", "bound", ({ spec }) => !!spec?.nodeName);
    expect(pod.spec?.nodeName).toBe("node-2");
    const claimName = pod.status?.extendedResourceClaimStatus?.resourceClaimName ?? "";
    const claim = await place.of(resourceClaims).get(claimName);
    expect(claim.status?.allocation?.devices?.results?.map(({ device }) => device)).toEqual(["gpu-0", "gpu-1"]);
    const { message } = await place.event("pod", "FailedPrepareDynamicResources");
    expect(message).toContain(
      `this kubelet does not talk to DRA drivers, and the pod asks for extended resources [${place.ownResource}] that are devices of resource claim ${claimName}`,
    );
    expect((await place.of(pods).get("pod")).status?.phase).toBe("Pending");
    // The kubelet has written its status since, and left alone what is the scheduler's.
    expect((await place.of(pods).get("pod")).status?.extendedResourceClaimStatus?.resourceClaimName).toBe(claimName);
    await driver.taint({ key: "example.com/broken", effect: "NoExecute" });
    expect((await place.event("pod", "DeviceTaintManagerEviction")).message).toBe("Marking for deletion");
    await place.untilGone(pods, "pod");
    await place.eventually("the claim is gone", async () => {
      try {
        await place.of(resourceClaims).get(claimName);
        return false;
      } catch (error) {
        return isNotFound(error);
      }
    });
  });
});
