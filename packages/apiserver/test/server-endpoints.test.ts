import { openMemoryStore } from "@knots/store";
import type { Store } from "@knots/store";
import { describe, expect, it } from "vitest";
import { Harness } from "./harness.ts";
import type { Json } from "./harness.ts";

const ENDPOINTS = "/api/v1/namespaces/default/endpoints/kubernetes";
const SLICE = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";

/** A store for several servers; closed by the test, not by each of them. */
function sharedStore(): { store: Store; close: () => Promise<void> } {
  const store = openMemoryStore();
  const dispose = store[Symbol.asyncDispose].bind(store);
  const close = async (): Promise<void> => {
    await dispose();
  };
  Object.defineProperty(store, "shared", { value: true });
  store[Symbol.asyncDispose] = () => Promise.resolve();
  return { store, close };
}

async function addresses(api: Harness): Promise<{ endpoints: string[]; slice: string[] }> {
  const endpoints = (await api.get(ENDPOINTS)).body;
  const slice = (await api.get(SLICE)).body;
  return {
    endpoints: endpoints.subsets[0].addresses.map(({ ip }: Json) => ip),
    slice: slice.endpoints.map((endpoint: Json) => endpoint.addresses[0]),
  };
}

describe("the endpoints of default/kubernetes", () => {
  it("are every server of the store, as long as it is there", async () => {
    const { store, close } = sharedStore();
    const server = (advertiseAddress: string) => ({ store, server: { advertiseAddress } });
    const a = await Harness.start(server("192.0.2.1"));
    expect(await addresses(a)).toEqual({ endpoints: ["192.0.2.1"], slice: ["192.0.2.1"] });
    const before = (await a.get(ENDPOINTS)).body.metadata.uid;
    const b = await Harness.start(server("192.0.2.2"));
    const both = ["192.0.2.1", "192.0.2.2"];
    expect(await addresses(a)).toEqual({ endpoints: both, slice: both });
    expect(await addresses(b)).toEqual({ endpoints: both, slice: both });
    const { body } = await a.get(ENDPOINTS);
    expect(body.metadata.uid).toBe(before);
    expect(body.metadata.labels).toEqual({ "endpointslice.kubernetes.io/skip-mirror": "true" });
    await b[Symbol.asyncDispose]();
    expect(await addresses(a)).toEqual({ endpoints: ["192.0.2.1"], slice: ["192.0.2.1"] });
    await a[Symbol.asyncDispose]();
    await close();
  });

  it("take over from a former run, and change the type of the slice with the address", async () => {
    const store = openMemoryStore();
    const close = store[Symbol.asyncDispose].bind(store);
    store[Symbol.asyncDispose] = () => Promise.resolve();
    const first = await Harness.start({ store, server: { advertiseAddress: "192.0.2.1" } });
    await first[Symbol.asyncDispose]();
    await using second = await Harness.start({ store, server: { advertiseAddress: "2001:db8::1" } });
    expect(await addresses(second)).toEqual({ endpoints: ["2001:db8::1"], slice: ["2001:db8::1"] });
    expect((await second.get(SLICE)).body.addressType).toBe("IPv6");
    await second[Symbol.asyncDispose]();
    await close();
  });

  it("are left alone where nobody is to write them", async () => {
    await using api = await Harness.start({
      server: { advertiseAddress: "192.0.2.1", endpointReconcilerType: "none" },
    });
    expect((await api.get(ENDPOINTS)).status).toBe(404);
  });
});

describe("an API server", () => {
  it("says by a Lease that it is there", async () => {
    await using api = await Harness.start();
    const path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    const { body } = await api.get(`${path}?labelSelector=apiserver.kubernetes.io/identity=kube-apiserver`);
    expect(body.items).toHaveLength(1);
    const [{ metadata, spec }] = body.items;
    expect(metadata.name).toMatch(/^apiserver-[a-z2-7]{26}$/);
    expect(metadata.labels["kubernetes.io/hostname"]).not.toBe("");
    expect(spec.holderIdentity.startsWith(`${metadata.name}_`)).toBe(true);
    expect(spec.leaseDurationSeconds).toBe(3600);
    expect(spec.renewTime).toMatch(/\.\d{6}Z$/);
  });
});
