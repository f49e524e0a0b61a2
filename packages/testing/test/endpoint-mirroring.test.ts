// Endpoints written by hand appear as slices, and their slices go with them.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { endpoints, services } from "@knots/api/core/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["endpointslice-mirroring-controller", "endpointslice-controller", "endpoints-controller"],
  });
});
afterAll(() => environment[Symbol.asyncDispose]());

test("made, changed, deleted", async () => {
  const namespace = await environment.namespace();
  const client = environment.client.resource(endpoints, namespace);
  const shown = async (want: string[]): Promise<void> => {
    await vi.waitFor(
      async () => {
        const { items } = await environment.client.resource(endpointSlices, namespace).list();
        expect(items.flatMap((slice) => (slice.endpoints ?? []).flatMap(({ addresses }) => addresses))).toEqual(want);
        expect(items).toHaveLength(want.length === 0 ? 0 : 1);
      },
      { timeout: 10_000, interval: 20 },
    );
  };
  await environment.client.resource(services, namespace).create({
    metadata: { name: "db" },
    spec: { ports: [{ name: "sql", port: 5432 }] },
  });
  const subsets = (...ips: string[]): object[] => [
    { addresses: ips.map((ip) => ({ ip })), ports: [{ name: "sql", port: 5432 }] },
  ];
  await client.create({ metadata: { name: "db" }, subsets: subsets("10.1.2.3") });
  await shown(["10.1.2.3"]);
  await client.patch("db", { subsets: subsets("10.1.2.4") }, { type: "merge" });
  await shown(["10.1.2.4"]);
  await client.delete("db");
  await shown([]);
});
