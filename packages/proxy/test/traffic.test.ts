// The rules at work: real connections through the real kernel, in network namespaces of the test's own. Needs root.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Service } from "@knots/api/core/v1";
import { nullLogger, RealClock } from "@knots/machinery";
import { KubeProxy } from "../src/kube-proxy.ts";
import { FakeApi } from "./fake-client.ts";
import { CLIENT_IP, Namespaces, NODE_IP } from "./namespaces.ts";

const PODS = { a: "10.244.0.2", b: "10.244.0.3" } as const;
const CLUSTER_IP = "10.96.0.10";
const NODE_PORT = 30_080;
const GATEWAY_OR_NODE = /192\.0\.2\.1|10\.244\.0\.1/;

const root = process.getuid?.() === 0;
if (!root) process.stderr.write("packages/proxy/test/traffic.test.ts: skipped, network namespaces need root\n");

describe.skipIf(!root)("traffic", () => {
  const net = new Namespaces();
  const api = new FakeApi();
  const proxy = new KubeProxy({
    client: api.client,
    clock: new RealClock(),
    logger: nullLogger,
    nodeName: "n1",
    nodeIP: NODE_IP,
    mode: "nftables",
    clusterCIDR: "10.244.0.0/16",
    run: net.runner,
  });

  function putService(spec: Partial<NonNullable<Service["spec"]>> = {}): void {
    api.put("services", {
      metadata: { name: "web", namespace: "ns" },
      spec: {
        type: "NodePort",
        clusterIP: CLUSTER_IP,
        clusterIPs: [CLUSTER_IP],
        ports: [{ name: "http", port: 80, nodePort: NODE_PORT, protocol: "TCP" }],
        ...spec,
      },
    } as Service);
  }

  function putEndpoints(...pods: (keyof typeof PODS)[]): void {
    api.put("endpointslices", {
      metadata: { name: "web-1", namespace: "ns", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      endpoints: pods.map((pod) => ({ addresses: [PODS[pod]], conditions: { ready: true }, nodeName: "n1" })),
    } as object);
  }

  const table = async (): Promise<string> => (await net.runner("nft", ["list", "table", "ip", "kube-proxy"])).stdout;
  /** Waits until the kernel's table says so. */
  const until = async (holds: (text: string) => boolean): Promise<void> => {
    await vi.waitFor(async () => expect(holds(await table())).toBe(true), { timeout: 20_000, interval: 20 });
  };
  /** Which pods answer that many connections. */
  const many = async (from: string, ip: string, port: number, times: number): Promise<Set<string>> =>
    new Set((await net.askOften(from, ip, port, times)).map((answer) => answer.split(" ")[0] ?? ""));

  beforeAll(async () => {
    await net.start();
    await net.pod("a", PODS.a, 8080);
    await net.pod("b", PODS.b, 8080);
    putService();
    putEndpoints("a", "b");
    await proxy.start();
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await net[Symbol.asyncDispose]();
  });

  // 24 connections miss one of two pods once in eight million runs.
  test("a cluster IP spreads over the pods, from outside, from the node and from a pod", async () => {
    for (const from of ["client", "node", "a"])
      expect(await many(from, CLUSTER_IP, 80, 24), from).toEqual(new Set(["a", "b"]));
  });

  test("a node port answers from outside and on the node itself, not on 127.0.0.1", async () => {
    expect(await many("client", NODE_IP, NODE_PORT, 24)).toEqual(new Set(["a", "b"]));
    expect(await net.ask("node", NODE_IP, NODE_PORT)).toMatch(/^[ab] /);
    expect(await net.ask("node", "127.0.0.1", NODE_PORT)).toBe("Connection refused");
  });

  test("who is no pod comes as the node, so that answers find the way", async () => {
    expect(await net.ask("client", CLUSTER_IP, 80)).toMatch(GATEWAY_OR_NODE);
    expect(await net.ask("client", NODE_IP, NODE_PORT)).toMatch(GATEWAY_OR_NODE);
  });

  test("a pod reaches itself through its Service, another pod sees its address", async () => {
    putEndpoints("a");
    await until((text) => !text.includes(`dnat to ${PODS.b}`));
    expect(await net.ask("a", CLUSTER_IP, 80)).toMatch(/^a (?!10\.244\.0\.2$)/);
    expect(await net.ask("b", CLUSTER_IP, 80)).toBe(`a ${PODS.b}`);
  });

  test("without endpoints it is refused at once, and so is a port the Service has not", async () => {
    putEndpoints();
    await until((text) => !text.includes("dnat to"));
    for (const from of ["client", "node", "a"])
      expect(await net.ask(from, CLUSTER_IP, 80), from).toBe("Connection refused");
    expect(await net.ask("client", NODE_IP, NODE_PORT)).toBe("Connection refused");
    putEndpoints("a", "b");
    await until((text) => text.includes(`dnat to ${PODS.b}`));
    expect(await net.ask("a", CLUSTER_IP, 81)).toBe("Connection refused");
  });

  test("ClientIP affinity keeps a client on one pod, and an update of the endpoints does not move it", async () => {
    putService({ sessionAffinity: "ClientIP" });
    await until((text) => text.includes("set affinity-"));
    const chosen = await many("client", CLUSTER_IP, 80, 12);
    expect(chosen.size).toBe(1);
    // The same Service by its node port: the memory is the port's, whatever address led there.
    expect(await many("client", NODE_IP, NODE_PORT, 4)).toEqual(chosen);
    const [pod] = chosen;
    putEndpoints(pod === "a" ? "b" : "a");
    await until((text) => text.split("dnat to").length === 2);
    expect(await many("client", CLUSTER_IP, 80, 3)).toEqual(new Set([pod === "a" ? "b" : "a"]));
    putEndpoints("a", "b");
    await until((text) => text.split("dnat to").length === 3);
    expect((await many("client", CLUSTER_IP, 80, 6)).size).toBe(1);
    putService();
    await until((text) => !text.includes("set affinity-"));
  });

  test("external policy Local shows the pod the client's own address", async () => {
    putService({ externalTrafficPolicy: "Local" });
    await until((text) => text.includes("goto local-"));
    expect(await net.ask("client", NODE_IP, NODE_PORT)).toContain(` ${CLIENT_IP}`);
    putService();
    await until((text) => !text.includes("goto local-"));
  });

  test("the rules stay when the proxy ends, and go with cleanup", async () => {
    await proxy[Symbol.asyncDispose]();
    expect(await net.ask("client", CLUSTER_IP, 80)).toMatch(/^[ab] /);
    await KubeProxy.cleanup(net.runner);
    await KubeProxy.cleanup(net.runner);
    expect(await table()).toBe("");
  });
});
