import type { ConfigMap, Container, Pod, Secret, Service } from "@knots/api/core/v1";
import { newNotFound } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { ObjectReader } from "../objects/object-reader.ts";
import { environment } from "./environment.ts";

const maps: Record<string, ConfigMap> = { cm: { data: { k: "v", "with=equals": "x", over: "map" } } };
const secrets: Record<string, Secret> = {
  s: { data: { pw: Buffer.from("geheim").toString("base64"), over: Buffer.from("secret").toString("base64") } },
};
const objects: ObjectReader = {
  configMap: (_, name) =>
    maps[name] === undefined
      ? Promise.reject(newNotFound({ group: "", resource: "configmaps" }, name))
      : Promise.resolve(maps[name]),
  secret: (_, name) =>
    secrets[name] === undefined
      ? Promise.reject(newNotFound({ group: "", resource: "secrets" }, name))
      : Promise.resolve(secrets[name]),
  invalidate: () => undefined,
};
const service = (name: string, namespace: string, clusterIP = "10.0.0.1"): Service => ({
  metadata: { name, namespace },
  spec: {
    clusterIP,
    ports: [
      { name: "http", port: 80, protocol: "TCP" },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
  },
});

async function run(
  container: Partial<Container>,
  spec: Partial<NonNullable<Pod["spec"]>> = {},
  services: Service[] = [],
) {
  const invalid: string[][] = [];
  const pod: Pod = {
    metadata: { name: "p", namespace: "d", uid: "u", labels: { a: "b" } },
    spec: { containers: [], ...spec },
  };
  const result = await environment(
    pod,
    { name: "c", ...container },
    {
      services,
      objects,
      node: { status: { allocatable: { cpu: "2", memory: "1Gi" } } },
      podIPs: ["1.1.1.1"],
      hostIPs: ["2.2.2.2"],
      onInvalidNames: (kind, name, keys) => void invalid.push([kind, name, ...keys]),
    },
  );
  return { env: Object.fromEntries(result), invalid };
}

describe("environment", () => {
  it("lets later sources override earlier ones and expands what is known", async () => {
    const { env, invalid } = await run({
      envFrom: [
        { configMapRef: { name: "cm" } },
        { prefix: "P_", secretRef: { name: "s" } },
        { secretRef: { name: "s" } },
      ],
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "$(A)-$(P_pw)-$(LATER)-$$(A)" },
        { name: "LATER", value: "x" },
        { name: "k", value: "own" },
      ],
    });
    expect(env).toEqual({
      k: "own",
      over: "secret",
      P_pw: "geheim",
      P_over: "secret",
      pw: "geheim",
      A: "1",
      B: "1-geheim-$(LATER)-$(A)",
      LATER: "x",
    });
    expect(invalid).toEqual([["configMap", "cm", "with=equals"]]);
  });

  it("reads keys, fields and resources", async () => {
    const { env } = await run({
      resources: { requests: { cpu: "250m", memory: "64Mi" }, limits: { cpu: "1500m" } },
      env: [
        { name: "K", valueFrom: { configMapKeyRef: { name: "cm", key: "k" } } },
        { name: "S", valueFrom: { secretKeyRef: { name: "s", key: "pw" } } },
        { name: "NONE", valueFrom: { secretKeyRef: { name: "s", key: "none", optional: true } } },
        { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['a']" } } },
        { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "MILLI", valueFrom: { resourceFieldRef: { resource: "requests.cpu", divisor: "1m" } } },
        { name: "MEM", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
      ],
    });
    expect(env).toEqual({
      K: "v",
      S: "geheim",
      NAME: "p",
      LABEL: "b",
      IP: "1.1.1.1",
      CPU: "2",
      MILLI: "250",
      MEM: "1024",
    });
  });

  it("fails in words for CreateContainerConfigError", async () => {
    await expect(
      run({ env: [{ name: "K", valueFrom: { configMapKeyRef: { name: "cm", key: "none" } } }] }),
    ).rejects.toThrow("couldn't find key none in ConfigMap d/cm");
    await expect(
      run({ env: [{ name: "K", valueFrom: { secretKeyRef: { name: "gone", key: "x" } } }] }),
    ).rejects.toThrow('secrets "gone" not found');
    await expect(run({ envFrom: [{ configMapRef: { name: "gone" } }] })).rejects.toThrow('configmaps "gone" not found');
    expect((await run({ envFrom: [{ configMapRef: { name: "gone", optional: true } }] })).env).toEqual({});
  });

  it("tells of the Services of the namespace, and of kubernetes always", async () => {
    const all = [
      service("my-svc", "d"),
      service("other", "elsewhere"),
      service("kubernetes", "default"),
      service("headless", "d", "None"),
    ];
    const { env } = await run({}, {}, all);
    expect(env).toMatchObject({
      MY_SVC_SERVICE_HOST: "10.0.0.1",
      MY_SVC_SERVICE_PORT: "80",
      MY_SVC_SERVICE_PORT_DNS: "53",
      MY_SVC_PORT: "tcp://10.0.0.1:80",
      MY_SVC_PORT_53_UDP: "udp://10.0.0.1:53",
      MY_SVC_PORT_53_UDP_PROTO: "udp",
      KUBERNETES_SERVICE_HOST: "10.0.0.1",
    });
    expect(Object.keys(env).some((name) => name.startsWith("OTHER") || name.startsWith("HEADLESS"))).toBe(false);
    const without = await run({}, { enableServiceLinks: false }, all);
    expect(Object.keys(without.env).every((name) => name.startsWith("KUBERNETES"))).toBe(true);
  });
});
