import type { Node, Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { admit } from "./admission.ts";

const node: Node = {
  metadata: { name: "n", labels: { disk: "ssd" } },
  spec: {},
  status: { allocatable: { cpu: "2", memory: "1Gi", pods: "3", "x.io/gpu": "2" } },
};
const pod = (cpu: string | undefined, spec: Partial<NonNullable<Pod["spec"]>> = {}): Pod => ({
  metadata: { name: "p", uid: "u" },
  spec: {
    nodeName: "n",
    containers: [{ name: "a", ...(cpu === undefined ? {} : { resources: { requests: { cpu } } }) }],
    ...spec,
  },
});
const run = (candidate: Pod, others: Pod[] = [], allowedUnsafeSysctls: string[] = []) =>
  admit({ pod: candidate, others, node, allowedUnsafeSysctls });
const withResource = (name: string, amount: string): Pod =>
  pod(undefined, { containers: [{ name: "a", resources: { requests: { [name]: amount } } }] });
const withPort = (hostPort: number, hostIP?: string): Pod =>
  pod(undefined, {
    containers: [{ name: "a", ports: [{ containerPort: 1, hostPort, ...(hostIP === undefined ? {} : { hostIP }) }] }],
  });

describe("admit", () => {
  it("takes what fits, exactly", () => {
    expect(run(pod("1500m"), [pod("500m")])).toBeUndefined();
  });
  it("refuses what does not fit, in numbers", () => {
    expect(run(pod("1501m"), [pod("500m")])).toEqual({
      reason: "OutOfcpu",
      message: "Node didn't have enough resource: cpu, requested: 1501, used: 500, capacity: 2000",
    });
    expect(run(pod(undefined), [pod("1"), pod("0"), pod("0")])?.reason).toBe("OutOfpods");
    expect(run(withResource("hugepages-2Mi", "2Mi"))?.reason).toBe("OutOfhugepages-2Mi");
    expect(run(withResource("x.io/gpu", "3"))?.reason).toBe("OutOfx.io/gpu");
  });
  it("leaves resources of which it has none to those who gave them to the pod", () => {
    expect(run(withResource("x.io/gpu", "2"))).toBeUndefined();
    expect(run(withResource("x.io/licence", "2"))).toBeUndefined();
    expect(run(withResource("deviceclass.resource.kubernetes.io/gpus", "2"))).toBeUndefined();
  });
  it("checks node selector and node name", () => {
    expect(run(pod("1", { nodeSelector: { disk: "ssd" } }))).toBeUndefined();
    expect(run(pod("1", { nodeSelector: { disk: "hdd" } }))?.reason).toBe("NodeAffinity");
    expect(run(pod("1", { nodeName: "other" }))?.reason).toBe("NodeName");
  });
  it("checks host ports by address", () => {
    expect(run(withPort(80), [withPort(81)])).toBeUndefined();
    expect(run(withPort(80, "1.1.1.1"), [withPort(80, "2.2.2.2")])).toBeUndefined();
    expect(run(withPort(80, "1.1.1.1"), [withPort(80)])?.reason).toBe("NodePorts");
  });
  it("allows safe sysctls only, unless told otherwise", () => {
    const sysctl = (name: string, more = {}): Pod =>
      pod("1", { securityContext: { sysctls: [{ name, value: "1" }] }, ...more });
    expect(run(sysctl("kernel.shm_rmid_forced"))).toBeUndefined();
    expect(run(sysctl("kernel.msgmax"))?.message).toBe('forbidden sysctl: "kernel.msgmax" not allowlisted');
    expect(run(sysctl("kernel.msgmax"), [], ["kernel.msg*"])).toBeUndefined();
    expect(run(sysctl("net.ipv4.tcp_syncookies", { hostNetwork: true }))?.reason).toBe("SysctlForbidden");
  });
  it("refuses pods of another operating system", () => {
    expect(run(pod("1", { os: { name: "windows" } }))?.reason).toBe("PodOSNotSupported");
  });
});
