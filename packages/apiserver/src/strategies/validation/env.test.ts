import { describe, expect, it } from "vitest";
import { podErrors, supported } from "./pods.testing.ts";

const at = "spec.containers[0].env[0].valueFrom";

describe("a variable from a file", () => {
  const volumes = [
    { name: "v", emptyDir: {} },
    { name: "w", configMap: { name: "m" } },
  ];
  const of = (fileKeyRef: object): string[] =>
    podErrors({ volumes }, { env: [{ name: "A", valueFrom: { fileKeyRef } }] });
  const good = { key: "K", volumeName: "v", path: "dir/file" };

  it.each<[string, object, string[]]>([
    ["that a container left", good, []],
    [
      "of which nothing is known",
      { key: "", volumeName: "", path: "" },
      [
        `${at}.fileKeyRef.key: `,
        `${at}.fileKeyRef.volumeName: `,
        `${at}.fileKeyRef.path: `,
        `${at}.fileKeyRef.volumeName: `,
      ],
    ],
    ["outside", { ...good, path: "../file" }, [`${at}.fileKeyRef.path: must not contain '..'`]],
    ["of no volume", { ...good, volumeName: "x" }, [`${at}.fileKeyRef.volumeName: `]],
    [
      "of a volume that is not the pod's own",
      { ...good, volumeName: "w" },
      [`${at}.fileKeyRef.volumeName: referenced volume must be of type emptyDir`],
    ],
  ])("%s", (_what, reference, errors) => expect(of(reference)).toEqual(errors));
});

describe("a variable from the pod", () => {
  const field = (fieldPath: string, more: object = {}): string[] =>
    podErrors({}, { env: [{ name: "A", valueFrom: { fieldRef: { fieldPath, ...more } } }] });

  it.each<[string, string[]]>([
    ["metadata.labels['a']", []],
    ["spec.host", []],
    [
      "spec.dnsPolicy",
      [`${at}.fieldRef.fieldPath: error converting fieldPath: field label not supported: spec.dnsPolicy`],
    ],
    [
      "metadata.name['a']",
      [
        `${at}.fieldRef.fieldPath: error converting fieldPath: field label does not support subscript: metadata.name['a']`,
      ],
    ],
    [
      "metadata.labels",
      [
        `${at}.fieldRef.fieldPath: ${supported("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs")}`,
      ],
    ],
  ])("%s", (path, errors) => expect(field(path)).toEqual(errors));

  it("knows one version of pods", () => {
    expect(field("metadata.name", { apiVersion: "v2" })).toEqual([
      `${at}.fieldRef.fieldPath: error converting fieldPath: unsupported pod version: v2`,
    ]);
  });

  it("is divided by what its resource allows", () => {
    const resource = (name: string, divisor: string): string[] =>
      podErrors({}, { env: [{ name: "A", valueFrom: { resourceFieldRef: { resource: name, divisor } } }] });
    expect(resource("limits.cpu", "1m")).toEqual([]);
    expect(resource("limits.cpu", "1k")).toEqual([
      `${at}.resourceFieldRef.divisor: only divisor's values 1m and 1 are supported with the cpu resource`,
    ]);
    expect(resource("requests.hugepages-2Mi", "1m")).toEqual([
      `${at}.resourceFieldRef.divisor: only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the hugepages resource`,
    ]);
  });
});

describe("a variable", () => {
  const of = (variable: object): string[] => podErrors({}, { env: [{ name: "A", ...variable }] });
  const fieldRef = { fieldPath: "metadata.name" };

  it("is from one place", () => {
    expect(of({ valueFrom: {} })).toEqual([
      `${at}: must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\`, \`secretKeyRef\` or \`fileKeyRef\``,
    ]);
    expect(of({ value: "x", valueFrom: { fieldRef } })).toEqual([
      `${at}: may not be specified when \`value\` is not empty`,
    ]);
    expect(of({ valueFrom: { fieldRef, secretKeyRef: { name: "s", key: "k" } } })).toEqual([
      `${at}: may not have more than one field specified at a time`,
    ]);
  });
});
