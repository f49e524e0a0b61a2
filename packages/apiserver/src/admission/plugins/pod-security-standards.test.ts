import type { Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { checkPodSecurity } from "./pod-security-standards.ts";
import type { SecurityLevel } from "./pod-security-standards.ts";

/** A pod of containers a and b that meets restricted, with changes. */
function pod(change: { spec?: object; a?: object; b?: object; annotations?: Record<string, string> } = {}): Pod {
  const context = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
  const container = (name: string, securityContext: object | undefined) => ({
    name,
    image: "i",
    securityContext: { ...context, ...securityContext },
  });
  return {
    metadata: { name: "p", annotations: change.annotations ?? {} },
    spec: {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [container("a", change.a), container("b", change.b)],
      ...change.spec,
    },
  } as Pod;
}
const found = (of: Pod, level: SecurityLevel, version = "latest"): string[] =>
  checkPodSecurity(of, level, version).map(({ reason, detail }) => `${reason} (${detail})`);
const bare = { spec: { containers: [{ name: "a", image: "i" }] } } as Pod;

describe("what is against a level", () => {
  it.each<[string, Parameters<typeof pod>[0], string]>([
    [
      "appArmorProfile",
      {
        spec: { securityContext: { appArmorProfile: { type: "Unconfined" } } },
        b: { appArmorProfile: { type: "Unconfined" } },
      },
      'forbidden AppArmor profile (pod and container "b" must not set AppArmor profile type to "Unconfined")',
    ],
    [
      "AppArmor annotations",
      { annotations: { "container.apparmor.security.beta.kubernetes.io/a": "unconfined" } },
      'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
    ],
    [
      "capabilities",
      { a: { capabilities: { add: ["NET_RAW", "CHOWN"] } }, b: { capabilities: { add: ["SYS_ADMIN"] } } },
      'non-default capabilities (containers "a", "b" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
    ],
    ["host namespaces", { spec: { hostPID: true, hostIPC: true } }, "host namespaces (hostPID=true, hostIPC=true)"],
    ["hostPath", { spec: { volumes: [{ name: "v", hostPath: { path: "/" } }] } }, 'hostPath volumes (volume "v")'],
    [
      "probes of other hosts",
      {
        spec: {
          containers: [
            { name: "a", image: "i", livenessProbe: { httpGet: { port: 1, host: "h" } } },
            { name: "b", image: "i", lifecycle: { preStop: { tcpSocket: { port: 1, host: "g" } } } },
          ],
        },
      },
      'probe or lifecycle host (containers "a", "b" use probe or lifecycle hosts "g", "h")',
    ],
    [
      "privileged",
      { a: { privileged: true } },
      'privileged (container "a" must not set securityContext.privileged=true)',
    ],
    [
      "procMount",
      { a: { procMount: "Unmasked" } },
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      "seLinuxOptions",
      { spec: { securityContext: { seLinuxOptions: { user: "u" } } }, b: { seLinuxOptions: { type: "t", role: "r" } } },
      'seLinuxOptions (pod and container "b" set forbidden securityContext.seLinuxOptions: type "t"; user may not be set; role may not be set)',
    ],
    [
      "seccomp",
      {
        spec: { securityContext: { seccompProfile: { type: "Unconfined" } } },
        a: { seccompProfile: { type: "Unconfined" } },
      },
      'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      "sysctls",
      { spec: { securityContext: { sysctls: [{ name: "kernel.msgmax" }, { name: "net.ipv4.tcp_rmem" }] } } },
      "forbidden sysctls (kernel.msgmax)",
    ],
    [
      "hostProcess",
      { spec: { securityContext: { windowsOptions: { hostProcess: true } } } },
      "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
    ],
  ])("%s: baseline", (_name, change, text) => {
    expect(found(pod(change), "baseline")).toEqual([text]);
  });

  it("host ports are told in the order of their texts", () => {
    const ports = [{ hostPort: 80 }, { hostPort: 8080 }, { hostPort: 443 }];
    const of = pod({ spec: { containers: [{ name: "a", image: "i", ports }] } });
    expect(found(of, "baseline")).toEqual(['hostPort (container "a" uses hostPorts 443, 80, 8080)']);
  });

  it("restricted says everything that it misses, in order", () => {
    expect(found(bare, "restricted")).toEqual([
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
      'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])',
      'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
      'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ]);
    expect(found(pod(), "restricted")).toEqual([]);
  });

  it.each<[string, Parameters<typeof pod>[0], string]>([
    [
      "capabilities that are added",
      { a: { capabilities: { drop: ["ALL"], add: ["SYS_TIME", "CHOWN"] } } },
      'unrestricted capabilities (container "a" must not include "CHOWN", "SYS_TIME" in securityContext.capabilities.add)',
    ],
    [
      "volumes",
      {
        spec: {
          securityContext: pod().spec?.securityContext,
          volumes: [
            { name: "v", hostPath: {} },
            { name: "n", nfs: {} },
            { name: "i", image: {} },
          ],
        },
      },
      'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
    ],
    [
      "runAsNonRoot false",
      { a: { runAsNonRoot: false } },
      'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)',
    ],
    [
      "root",
      { a: { runAsUser: 0 }, b: { runAsUser: 0 } },
      'runAsUser=0 (containers "a", "b" must not set runAsUser=0)',
    ],
  ])("%s: restricted", (_name, change, text) => {
    expect(found(pod(change), "restricted")).toEqual([text]);
  });
});

describe("a pinned version", () => {
  const sysctl = (name: string): Pod => pod({ spec: { securityContext: { sysctls: [{ name }] } } });
  const userNamespace = { hostUsers: false, securityContext: { seccompProfile: { type: "Localhost" } } };
  it.each<[string, SecurityLevel, number, Pod]>([
    ["ip_local_reserved_ports", "baseline", 27, sysctl("net.ipv4.ip_local_reserved_ports")],
    ["tcp_keepalive_time", "baseline", 29, sysctl("net.ipv4.tcp_keepalive_time")],
    ["tcp_wmem", "baseline", 32, sysctl("net.ipv4.tcp_wmem")],
    ["container_engine_t", "baseline", 31, pod({ a: { seLinuxOptions: { type: "container_engine_t" } } })],
    [
      "procMount in a user namespace",
      "baseline",
      35,
      pod({ spec: { hostUsers: false }, a: { procMount: "Unmasked" } }),
    ],
    ["root in a user namespace", "restricted", 35, pod({ spec: userNamespace, a: { runAsUser: 0 } })],
    [
      "Windows",
      "restricted",
      25,
      pod({ spec: { os: { name: "windows" }, securityContext: { runAsNonRoot: true } }, a: { capabilities: {} } }),
    ],
  ])("refused %s at %s before 1.%i", (_name, level, minor, of) => {
    expect(found(of, level, `v1.${minor - 1}`)).not.toEqual([]);
    expect(found(of, level, `v1.${minor}`)).toEqual([]);
    expect(found(of, level)).toEqual([]);
    expect(found(of, level, "v1.99")).toEqual([]);
  });

  it.each<[string, SecurityLevel, number, Pod]>([
    [
      "other hosts' probes",
      "baseline",
      34,
      pod({ spec: { containers: [{ name: "a", image: "i", startupProbe: { tcpSocket: { port: 1, host: "h" } } }] } }),
    ],
    ["the seccomp field", "baseline", 19, pod({ a: { seccompProfile: { type: "Unconfined" } } })],
    ["root", "restricted", 23, pod({ a: { runAsUser: 0 } })],
    ["capabilities that are kept", "restricted", 22, pod({ a: { capabilities: {} } })],
    ["no seccomp profile", "restricted", 19, pod({ spec: { securityContext: { runAsNonRoot: true } } })],
    ["privilege escalation", "restricted", 8, pod({ a: { allowPrivilegeEscalation: true } })],
  ])("let pass %s at %s before 1.%i", (_name, level, minor, of) => {
    expect(found(of, level, `v1.${minor - 1}`)).toEqual([]);
    expect(found(of, level, `v1.${minor}`)).toHaveLength(1);
  });

  it("before 1.19 looks at annotations for seccomp", () => {
    const annotations = {
      "seccomp.security.alpha.kubernetes.io/pod": "unconfined",
      "container.seccomp.security.alpha.kubernetes.io/a": "localhost/x",
      "container.seccomp.security.alpha.kubernetes.io/other": "unconfined",
    };
    expect(found(pod({ annotations }), "restricted", "v1.18")).toEqual([
      'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    ]);
    expect(found(pod({ annotations }), "restricted", "v1.19")).toEqual([]);
  });

  it("is strict about procMount at restricted, whatever namespace its users are in", () => {
    const of = pod({ spec: userNamespace, a: { procMount: "Unmasked" } });
    expect(found(of, "restricted")).toEqual([
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ]);
  });
});
