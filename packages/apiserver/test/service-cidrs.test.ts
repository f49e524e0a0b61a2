import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness } from "./harness.ts";
import type { Answer, Json } from "./harness.ts";

const NETWORKING = "/apis/networking.k8s.io/v1";
const SERVICES = "/api/v1/namespaces/default/services";

describe("ServiceCIDRs", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start({ server: { serviceClusterIPRange: "10.7.0.0/29" } });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const service = (name: string, clusterIP?: string): Promise<Answer> =>
    api.post(SERVICES, { metadata: { name }, spec: { ports: [{ port: 80 }], clusterIP } });
  const ready = (name: string, status: string): Promise<Answer> =>
    api.patch(`${NETWORKING}/servicecidrs/${name}/status`, {
      status: {
        conditions: [{ type: "Ready", status, reason: "", message: "", lastTransitionTime: "2025-01-01T00:00:00Z" }],
      },
    });

  it("has the server's own as an object that is ready", async () => {
    const { body } = await api.get(`${NETWORKING}/servicecidrs/kubernetes`);
    expect(body.spec).toEqual({ cidrs: ["10.7.0.0/29"] });
    expect(body.status.conditions).toEqual([
      {
        type: "Ready",
        status: "True",
        reason: "",
        message: "Kubernetes default Service CIDR is ready",
        lastTransitionTime: expect.stringMatching(/^\d{4}-/),
      },
    ]);
  });

  it("has an IPAddress for each cluster IP, the kubernetes Service's included", async () => {
    const { body } = await service("a");
    const ip = body.spec.clusterIP;
    const address = (await api.get(`${NETWORKING}/ipaddresses/${ip}`)).body;
    expect(address.spec.parentRef).toEqual({ group: "", resource: "services", namespace: "default", name: "a" });
    expect(address.metadata.labels).toEqual({
      "ipaddress.kubernetes.io/ip-family": "IPv4",
      "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    });
    const first = (await api.get(`${NETWORKING}/ipaddresses/10.7.0.1`)).body;
    expect(first.spec.parentRef).toMatchObject({ name: "kubernetes", namespace: "default" });
    await api.delete(`${SERVICES}/a`);
    expect((await api.get(`${NETWORKING}/ipaddresses/${ip}`)).status).toBe(404);
  });

  it("gives addresses out of a further range as long as it is ready", async () => {
    expect((await service("early", "10.8.0.5")).status).toBe(422);
    await api.post(`${NETWORKING}/servicecidrs`, { metadata: { name: "more" }, spec: { cidrs: ["10.8.0.0/28"] } });
    expect((await service("early", "10.8.0.5")).status).toBe(422);
    expect((await ready("more", "True")).status).toBe(200);
    expect((await service("fixed", "10.8.0.5")).status).toBe(201);
    const made = [];
    for (let i = 0; i < 6; i++) made.push((await service(`full-${i}`)).body.spec.clusterIP as string);
    expect(made.filter((ip) => ip.startsWith("10.7."))).toHaveLength(5);
    expect(made.filter((ip) => ip.startsWith("10.8."))).toHaveLength(1);
    await ready("more", "False");
    const refused = await service("late");
    expect(refused.status).toBe(500);
    expect(refused.body.message).toContain("failed to allocate a serviceIP: range is full");
  });

  it.each<[string[], string]>([
    [[], "spec.cidrs: Required value: at least one CIDR required"],
    [
      ["10.0.0.0/24", "10.1.0.0/24"],
      "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
    ],
    [["10.0.0.1/24"], 'spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length'],
    [
      ["10.0.0.0"],
      'spec.cidrs[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ])("refuses %j", async (cidrs, message) => {
    const { status, body } = await api.post(`${NETWORKING}/servicecidrs`, {
      metadata: { name: "bad" },
      spec: { cidrs },
    });
    expect(status).toBe(422);
    expect((body.details.causes as Json[]).map(({ field, message: text }) => `${field}: ${text}`).join()).toContain(
      message,
    );
  });
});
