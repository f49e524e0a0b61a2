// Devices, and pods that want them, in the cluster of a test.
import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { resourceSlices } from "@knots/api/resource/v1";
import type { Device } from "@knots/api/resource/v1";
import type { Client } from "@knots/client";
import { vi } from "vitest";

export const PATIENCE = { timeout: 20_000, interval: 20 };

/** A pool of a node, all in one slice; `such` holds for each device. */
export async function offer(
  client: Client,
  nodeName: string,
  devices: readonly string[],
  such: Omit<Device, "name"> = {},
): Promise<void> {
  await client.resource(resourceSlices).create({
    metadata: { name: nodeName },
    spec: {
      driver: "gpu.test",
      nodeName,
      pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
      devices: devices.map((name) => ({ name, ...such })),
    },
  });
}

export async function podOnce(client: Client, name: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  return await vi.waitFor(async () => {
    const pod = await client.resource(pods, "default").get(name);
    if (!holds(pod)) throw new Error(JSON.stringify([pod.spec?.nodeName, pod.status]));
    return pod;
  }, PATIENCE);
}

export const isBound = ({ spec }: Pod): boolean => !!spec?.nodeName;
export const reason = ({ status }: Pod): string =>
  status?.conditions?.find(({ type }) => type === "PodScheduled")?.message ?? "";
