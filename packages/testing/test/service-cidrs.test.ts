import type { ServiceCIDR } from "@knots/api/networking/v1";
import { serviceCIDRs } from "@knots/api/networking/v1";
import { services } from "@knots/api/core/v1";
import { expect, test, vi } from "vitest";
import { TestEnvironment } from "../src/index.ts";

const FINALIZER = "networking.k8s.io/service-cidr-finalizer";

test("the controller keeps a range that is in use, and tells why", async () => {
  await using environment = await TestEnvironment.start({ controllers: ["service-cidr-controller"] });
  const ranges = environment.client.resource(serviceCIDRs);
  const read = (name: string): Promise<ServiceCIDR> => ranges.get(name);
  await ranges.create({ metadata: { name: "more" }, spec: { cidrs: ["10.200.0.0/28"] } });
  await vi.waitFor(async () => {
    const { metadata, status } = await read("more");
    expect(metadata?.finalizers).toEqual([FINALIZER]);
    expect(status?.conditions).toMatchObject([
      { type: "Ready", status: "True", message: "Kubernetes Service CIDR is ready" },
    ]);
  });
  await vi.waitFor(async () => expect((await read("kubernetes")).metadata?.finalizers).toEqual([FINALIZER]));
  const own = environment.client.resource(services, "default");
  await own.create({ metadata: { name: "s" }, spec: { clusterIP: "10.200.0.5", ports: [{ port: 80 }] } });
  await ranges.delete("more");
  await vi.waitFor(async () => {
    const { status } = await read("more");
    expect(status?.conditions).toMatchObject([{ type: "Ready", status: "False", reason: "Terminating" }]);
  });
});
