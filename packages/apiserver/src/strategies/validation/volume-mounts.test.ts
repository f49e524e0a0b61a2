import { describe, expect, it } from "vitest";
import { podErrors, supported } from "./pods.testing.ts";

const volumes = [
  { name: "v", emptyDir: {} },
  { name: "d", persistentVolumeClaim: { claimName: "d" } },
];

describe("mounts", () => {
  const at = "spec.containers[0].volumeMounts";
  const of = (mount: object, container: object = {}): string[] =>
    podErrors({ volumes }, { volumeMounts: [{ name: "v", mountPath: "/v", ...mount }], ...container });

  it.each<[string, object, string[]]>([
    ["read only to the ground", { readOnly: true, recursiveReadOnly: "Enabled" }, []],
    ["that say nothing of it", { recursiveReadOnly: "Disabled" }, []],
    [
      "that say something else",
      { recursiveReadOnly: "Yes" },
      [`${at}.recursiveReadOnly: ${supported("Disabled", "Enabled", "IfPossible")}`],
    ],
    [
      "that can be written",
      { recursiveReadOnly: "IfPossible" },
      [`${at}.recursiveReadOnly: may only be specified when readOnly is true`],
    ],
    [
      "that spread",
      { readOnly: true, recursiveReadOnly: "Enabled", mountPropagation: "HostToContainer" },
      [`${at}.recursiveReadOnly: may only be specified when mountPropagation is None or not specified`],
    ],
    [
      "that spread to the host",
      { mountPropagation: "Bidirectional" },
      [`${at}.mountPropagation: Bidirectional mount propagation is available only to privileged containers`],
    ],
    [
      "that spread otherwise",
      { mountPropagation: "Up" },
      [`${at}.mountPropagation: ${supported("Bidirectional", "HostToContainer", "None")}`],
    ],
    [
      "of two parts",
      { subPath: "a", subPathExpr: "../b" },
      [
        `${at}[0].subPathExpr: subPathExpr and subPath are mutually exclusive`,
        `${at}.subPathExpr: must not contain '..'`,
      ],
    ],
    ["of nothing", { name: "x" }, [`${at}[0].name: `]],
  ])("%s", (_what, mount, errors) => expect(of(mount)).toEqual(errors));

  it("stand at one place each", () => {
    const twice = ["/v", "/v"].map((mountPath) => ({ name: "v", mountPath }));
    expect(podErrors({ volumes }, { volumeMounts: twice })).toEqual([`${at}[1].mountPath: must be unique`]);
  });
});

describe("devices", () => {
  const at = "spec.containers[0].volumeDevices";
  const of = (...volumeDevices: object[]): string[] => podErrors({ volumes }, { volumeDevices });

  it.each<[string, object[], string[]]>([
    ["of a claim", [{ name: "d", devicePath: "/dev/x" }], []],
    [
      "of what is no claim",
      [{ name: "v", devicePath: "/dev/x" }],
      [`${at}[0].name: can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode`],
    ],
    ["of nothing, nowhere", [{ name: "x", devicePath: "" }], [`${at}[0].name: `, `${at}[0].devicePath: `]],
    ["outside", [{ name: "d", devicePath: "../x" }], [`${at}[0].devicePath: can not contain backsteps ('..')`]],
    [
      "twice",
      [
        { name: "d", devicePath: "/dev/x" },
        { name: "d", devicePath: "/dev/x" },
      ],
      [`${at}[1].name: must be unique`, `${at}[1].devicePath: must be unique`],
    ],
  ])("%s", (_what, devices, errors) => expect(of(...devices)).toEqual(errors));

  it("are not mounted as well", () => {
    const container = {
      volumeMounts: [{ name: "d", mountPath: "/x" }],
      volumeDevices: [{ name: "d", devicePath: "/x" }],
    };
    expect(podErrors({ volumes }, container)).toEqual([
      "spec.containers[0].volumeMounts[0].name: must not already exist in volumeDevices",
      "spec.containers[0].volumeMounts[0].mountPath: must not already exist as a path in volumeDevices",
      `${at}[0].name: must not already exist in volumeMounts`,
      `${at}[0].devicePath: must not already exist as a path in volumeMounts`,
    ]);
  });

  it("belong to no pod of its own users", () => {
    const devices = { volumeDevices: [{ name: "d", devicePath: "/dev/x" }] };
    expect(podErrors({ volumes, hostUsers: false }, devices)).toEqual([`${at}: when \`hostUsers\` is false`]);
  });
});
