import { describe, expect, it } from "vitest";
import { podErrors, podWith, supported, updateErrors } from "./pods.testing.ts";

const fieldRef = { fieldPath: "metadata.name" };
const MODE = "must be a number between 0 and 0777 (octal), both inclusive";

describe("what a pod knows of itself", () => {
  const at = "spec.volumes[0].downwardAPI";
  const of = (...items: object[]): string[] => podErrors({ volumes: [{ name: "v", downwardAPI: { items } }] });

  it.each<[string, object, string[]]>([
    ["in a file", { path: "a", fieldRef }, []],
    ["of all labels", { path: "a", fieldRef: { fieldPath: "metadata.labels" } }, []],
    ["in no file", { path: "", fieldRef }, [`${at}.path: `]],
    [
      "in a file outside",
      { path: "/../a", fieldRef },
      [`${at}.path: must be a relative path`, `${at}.path: must not contain '..'`],
    ],
    ["in a file of another name", { path: "..a", fieldRef }, [`${at}.path: must not start with '..'`]],
    ["of nothing", { path: "a" }, [`${at}: one of fieldRef and resourceFieldRef is required`]],
    [
      "of two things",
      { path: "a", fieldRef, resourceFieldRef: { containerName: "c", resource: "limits.cpu" } },
      [`${at}: fieldRef and resourceFieldRef can not be specified simultaneously`],
    ],
    ["for nobody", { path: "a", fieldRef, mode: 0o1000 }, [`${at}.mode: ${MODE}`]],
    [
      "of no container",
      { path: "a", resourceFieldRef: { resource: "limits.cpu" } },
      [`${at}.resourceFieldRef.containerName: `],
    ],
    [
      "where it runs",
      { path: "a", fieldRef: { fieldPath: "spec.nodeName" } },
      [
        `${at}.fieldRef.fieldPath: ${supported("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")}`,
      ],
    ],
  ])("%s", (_what, item, errors) => expect(of(item)).toEqual(errors));
});

describe("sources together", () => {
  const at = "spec.volumes[0].projected";
  const of = (...sources: object[]): string[] =>
    podErrors({ serviceAccountName: "a", volumes: [{ name: "v", projected: { sources } }] });
  const file = { key: "k", path: "a" };

  it.each<[string, object[], string[]]>([
    [
      "of all kinds",
      [
        { secret: { name: "s", items: [file] } },
        { configMap: { name: "m", items: [{ ...file, path: "b" }] } },
        { downwardAPI: { items: [{ path: "c", fieldRef }] } },
        { serviceAccountToken: { path: "d" } },
      ],
      [],
    ],
    [
      "without names",
      [{ secret: {} }, { configMap: { items: [{ key: "", path: "" }] } }],
      [
        `${at}.sources[0].secret.name: `,
        `${at}.sources[1].configMap.name: `,
        `${at}.sources[1].configMap.items[0].key: `,
        `${at}.sources[1].configMap.items[0].path: `,
      ],
    ],
    [
      "in the same file",
      [{ secret: { name: "s", items: [file] } }, { configMap: { name: "m", items: [file] } }],
      [`${at}: conflicting duplicate paths`],
    ],
    [
      "two in one",
      [{ secret: { name: "s" }, configMap: { name: "m" } }],
      [`${at}.sources[0]: may not specify more than 1 volume type per source`],
    ],
    [
      "tokens that are short",
      [{ serviceAccountToken: { path: "", expirationSeconds: 599 } }],
      [
        `${at}.sources[0].serviceAccountToken.expirationSeconds: may not specify a duration less than 10 minutes`,
        `${at}.path: `,
      ],
    ],
    [
      "tokens that are long",
      [{ serviceAccountToken: { path: "../t", expirationSeconds: 2 ** 32 + 1 } }],
      [
        `${at}.sources[0].serviceAccountToken.expirationSeconds: may not specify a duration larger than 2^32 seconds`,
        `${at}.path: must not contain '..'`,
      ],
    ],
  ])("%s", (_what, sources, errors) => expect(of(...sources)).toEqual(errors));

  it("stay where they are, of a stored pod", () => {
    const old = podWith({
      serviceAccountName: "a",
      volumes: [{ name: "v", projected: { sources: [{ serviceAccountToken: { path: "/t" } }] } }],
    });
    expect(updateErrors(old, (pod) => (pod.spec.containers[0].image = "i:2"))).toEqual([]);
  });
});
