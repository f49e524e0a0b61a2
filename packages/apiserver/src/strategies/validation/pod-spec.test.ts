import { describe, expect, it } from "vitest";
import { createErrors, infoOf } from "../harness.testing.ts";

const pods = infoOf("pods");
const errorsOf = (spec: object): string[] =>
  createErrors(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { containers: [{ name: "c", image: "i:1" }], ...spec },
  });
const withContext = (securityContext: object): object => ({
  containers: [{ name: "c", image: "i:1", securityContext }],
});
const resized = (...resizePolicy: object[]): object => ({ containers: [{ name: "c", image: "i:1", resizePolicy }] });
const supported = (values: string): string => `supported values: ${values}`;

describe("a pod's operating system", () => {
  it.each<[object, string[]]>([
    [{ os: { name: "linux" } }, []],
    [{ os: { name: "windows" } }, []],
    [{ os: { name: "plan9" } }, [`spec.os: ${supported('"linux", "windows"')}`]],
    [{ os: { name: "" } }, ["spec.os.name: cannot be empty"]],
    [
      { os: { name: "linux" }, securityContext: { windowsOptions: {} }, ...withContext({ windowsOptions: {} }) },
      [
        "spec.securityContext.windowsOptions: windows options cannot be set for a linux pod",
        "spec.containers[0].securityContext.windowsOptions: windows options cannot be set for a linux pod",
      ],
    ],
    [
      { os: { name: "windows" }, hostPID: true, securityContext: { runAsUser: 1, sysctls: [] } },
      [
        "spec.hostPID: cannot be set for a windows pod",
        "spec.securityContext.runAsUser: cannot be set for a windows pod",
      ],
    ],
    [
      {
        os: { name: "windows" },
        hostIPC: false,
        hostUsers: true,
        shareProcessNamespace: false,
        securityContext: { runAsUser: 1, fsGroup: 1, seLinuxOptions: {} },
      },
      [
        "securityContext.seLinuxOptions",
        "hostUsers",
        "securityContext.fsGroup",
        "shareProcessNamespace",
        "securityContext.runAsUser",
      ].map((field) => `spec.${field}: cannot be set for a windows pod`),
    ],
    [
      { os: { name: "windows" }, ...withContext({ privileged: false }) },
      ["spec.containers[0].securityContext.privileged: cannot be set for a windows pod"],
    ],
  ])("leaves of %j", (spec, errors) => expect(errorsOf(spec)).toEqual(errors));
});

describe("namespaces of the host", () => {
  it.each<[object, string[]]>([
    [{ hostUsers: false }, []],
    [
      { hostUsers: false, hostNetwork: true, hostPID: true, hostIPC: true },
      ["hostNetwork", "HostPID", "HostIPC"].map((field) => `spec.${field}: when \`hostUsers\` is false`),
    ],
    [
      { hostNetwork: true, securityContext: { sysctls: [{ name: "net/core/somaxconn", value: "1" }] } },
      ["spec.securityContext.sysctls[0].name: may not be specified when 'hostNetwork' is true"],
    ],
    [
      { hostIPC: true, securityContext: { sysctls: [{ name: "kernel.shmmax", value: "1" }] } },
      ["spec.securityContext.sysctls[0].name: may not be specified when 'hostIPC' is true"],
    ],
    [{ hostIPC: true, securityContext: { sysctls: [{ name: "net.core.somaxconn", value: "1" }] } }, []],
    [
      { hostNetwork: true, containers: [{ name: "c", image: "i:1", ports: [{ containerPort: 1, hostPort: 2 }] }] },
      ["spec.containers[0].ports[0].hostPort: must match `containerPort` when `hostNetwork` is true"],
    ],
    [{ hostUsers: false, ...withContext({ procMount: "Unmasked" }) }, []],
    [
      withContext({ procMount: "Unmasked" }),
      ["spec.containers[0].securityContext.procMount: `hostUsers` must be false to use `Unmasked`"],
    ],
  ])("with %j", (spec, errors) => expect(errorsOf(spec)).toEqual(errors));
});

describe("policies", () => {
  const at = "spec.containers[0].resizePolicy";

  it.each<[object, string[]]>([
    [resized({ resourceName: "cpu", restartPolicy: "RestartContainer" }), []],
    [
      resized({ resourceName: "disk", restartPolicy: "Maybe" }),
      [`${at}: ${supported('"cpu", "memory"')}`, `${at}: ${supported('"NotRequired", "RestartContainer"')}`],
    ],
    [
      resized(
        { resourceName: "cpu", restartPolicy: "NotRequired" },
        { resourceName: "cpu", restartPolicy: "NotRequired" },
      ),
      [`${at}[1]: `],
    ],
    [
      { restartPolicy: "Never", ...resized({ resourceName: "cpu", restartPolicy: "RestartContainer" }) },
      [`${at}: must be 'NotRequired' when pod \`restartPolicy\` is 'Never'`],
    ],
    [
      { securityContext: { supplementalGroupsPolicy: "All", seLinuxChangePolicy: "All" } },
      [
        `spec.securityContext.supplementalGroupsPolicy: ${supported('"Merge", "Strict"')}`,
        `spec.securityContext.seLinuxChangePolicy: ${supported('"Recursive"')}`,
      ],
    ],
    [{ schedulingGates: [{ name: "g" }, { name: "g" }] }, ["spec.schedulingGates[1]: "]],
  ])("of %j", (spec, errors) => expect(errorsOf(spec)).toEqual(errors));
});
