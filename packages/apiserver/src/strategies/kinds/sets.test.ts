// StatefulSets and DaemonSets: rare branches of spec, update and status; and secrets' files.
import { describe, expect, it } from "vitest";
import { meta, selector, template } from "../examples.testing.ts";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const mismatch = "spec.template.metadata.labels: `selector` does not match template `labels`";
const body = (spec: object): Loose => ({ metadata: meta, spec: { selector, template, ...spec } });

describe("stateful sets", () => {
  const info = infoOf("statefulsets");
  it.each<[object, string[]]>([
    [{ revisionHistoryLimit: -1 }, []],
    [{ selector: undefined }, ["spec.selector: ", mismatch]],
    [
      { persistentVolumeClaimRetentionPolicy: { whenDeleted: "Keep" } },
      ['spec.persistentVolumeClaimRetentionPolicy.whenDeleted: supported values: "Retain", "Delete"'],
    ],
    [
      { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: -1, maxUnavailable: "101%" } } },
      [
        "spec.updateStrategy.rollingUpdate.partition: must be greater than or equal to 0",
        "spec.updateStrategy.rollingUpdate.maxUnavailable: must not be greater than 100%",
      ],
    ],
  ])("%j", (spec, errors) => {
    expect(createErrors(info, body(spec))).toEqual(errors);
  });

  it("have a service's name when they are new, and keep what they have", () => {
    expect(createErrors(info, body({ serviceName: "Not_One" }))).toHaveLength(1);
    const old = created(info, body({ serviceName: "Not_One" }));
    expect(updated(info, old, (obj) => (obj.spec.replicas = 2)).errors).toEqual([]);
  });

  it("keep a template that was bad before", () => {
    const old = created(info, body({}));
    const spoil = (obj: Loose): void => void (obj.spec.template.spec.containers[0].name = "A");
    expect(updated(info, old, spoil).errors).toHaveLength(1);
    const bad = structuredClone(old);
    spoil(bad);
    expect(updated(info, bad, (obj) => (obj.spec.replicas = 2)).errors).toEqual([]);
  });

  it("report counts that can be", () => {
    const old = created(info, body({}));
    old.status = { replicas: 1, collisionCount: 2 };
    const change = (obj: Loose): void =>
      void (obj.status = { replicas: 2, readyReplicas: 1, availableReplicas: 3, collisionCount: 1 });
    expect(updated(info, old, change, "status").errors).toEqual([
      "status.availableReplicas: cannot be greater than status.replicas",
      "status.availableReplicas: cannot be greater than status.readyReplicas",
      "status.collisionCount: cannot be decremented",
    ]);
  });
});

describe("claims of stateful sets", () => {
  const info = infoOf("statefulsets");
  const claims = (spec: object): object => ({
    serviceName: "web",
    volumeClaimTemplates: [{ metadata: { name: "x" }, spec }],
  });
  const at = "spec.volumeClaimTemplates[0].spec";

  it("must be good when their set is made", () => {
    const good = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    expect(createErrors(info, body(claims(good)))).toEqual([]);
    expect(createErrors(info, body(claims({ accessModes: ["What"] })))).toEqual([
      `${at}.accessModes: supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"`,
      `${at}.resources[storage]: `,
    ]);
  });

  it("are let be later", () => {
    const { errors } = updated(info, created(info, body(claims({}))), (set) => (set.spec.replicas = 2));
    expect(errors).toEqual([]);
  });
});

describe("daemon sets", () => {
  const info = infoOf("daemonsets");
  it.each<[object, string[]]>([
    [{ selector: undefined }, [mismatch]],
    [
      { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } },
      ["spec.updateStrategy.rollingUpdate.maxUnavailable: cannot be 0 when maxSurge is 0"],
    ],
    [{ updateStrategy: { type: "Odd" } }, ['spec.updateStrategy: supported values: "RollingUpdate", "OnDelete"']],
  ])("%j", (spec, errors) => {
    expect(createErrors(info, body(spec))).toEqual(errors);
  });

  it("count their templates in an annotation, which is nobody's to set", () => {
    const key = "deprecated.daemonset.template.generation";
    const old = created(info, body({}));
    expect(old.metadata.annotations).toEqual({ [key]: "1" });
    const { next } = updated(info, old, (obj) => {
      obj.spec.template.spec.containers[0].image = "nginx:2";
      obj.metadata.annotations = { a: "b", [key]: "7" };
    });
    expect(next.metadata.annotations).toEqual({ a: "b", [key]: "2" });
    expect(old.metadata.annotations).toEqual({ [key]: "1" });
  });

  it("report counts that can be", () => {
    const old = created(info, body({}));
    old.status = { collisionCount: 1 };
    const change = (obj: Loose): void => void (obj.status = { numberReady: -1 });
    expect(updated(info, old, change, "status").errors).toEqual([
      "status.numberReady: must be greater than or equal to 0",
      "status.collisionCount: cannot be decremented",
    ]);
  });
});

describe("workloads whose selector is none", () => {
  const bad = { matchExpressions: [{ key: "a", operator: "Odd" }] };
  it.each([
    ["deployments", "invalid label selector"],
    ["replicasets", "invalid label selector"],
    ["statefulsets", ""],
  ])("%s say so twice", (resource, detail) => {
    const errors = createErrors(infoOf(resource), body({ selector: bad }));
    expect(errors).toEqual([
      "spec.selector.matchExpressions[0].operator: not a valid selector operator",
      `spec.selector: ${detail}`,
    ]);
  });
});

it.each([
  ["", "unexpected end of JSON input"],
  ["x", "invalid character 'x' looking for beginning of value"],
  ["[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"],
])("a secret for registries holds a JSON object, not %j", (text, why) => {
  const secret = { metadata: meta, type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": text } };
  expect(createErrors(infoOf("secrets"), secret)).toEqual([`data[.dockerconfigjson]: ${why}`]);
});

it("a secret for SSH holds a key", () => {
  const secret = { metadata: meta, type: "kubernetes.io/ssh-auth", data: { "ssh-privatekey": "" } };
  expect(createErrors(infoOf("secrets"), secret)).toEqual(["data[ssh-privatekey]: "]);
});

it("a binding of a namespace binds its own accounts, and one of the cluster says whose", () => {
  const bindings = {
    roleRef: { kind: "ClusterRole", name: "r" },
    subjects: [
      { kind: "ServiceAccount", name: "a" },
      { kind: "Odd", name: "b" },
    ],
  };
  const kinds = 'subjects[1].kind: supported values: "ServiceAccount", "User", "Group"';
  expect(createErrors(infoOf("rolebindings"), { metadata: meta, ...bindings })).toEqual([kinds]);
  expect(createErrors(infoOf("clusterrolebindings"), { metadata: { name: "a" }, ...bindings })).toEqual([
    "subjects[0].namespace: ",
    kinds,
  ]);
});
