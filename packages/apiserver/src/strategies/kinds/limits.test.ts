// LimitRanges, ResourceQuotas, RuntimeClasses, Leases and ControllerRevisions: what updates may bring, and what status may say.
import { describe, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";
import { strategyFor } from "../index.ts";

const metadata = { name: "a", namespace: "default" };
const range = (item: object): object => ({ metadata, spec: { limits: [item] } });
const standard = "must be a standard resource type or fully qualified";

describe("limit ranges", () => {
  const info = infoOf("limitranges");
  const cases: [object, string[]][] = [
    [{ type: "Container", max: { cpu: "1" } }, []],
    [{ type: "Node", max: { cpu: "1" } }, ["spec.limits[0].type: must be a standard limit type or fully qualified"]],
    [{ type: "example.com/thing", max: { cpu: "1" } }, []],
    [
      { type: "Container", max: { storage: "1" } },
      // The maximum becomes the default, and the default request.
      ["max", "default", "defaultRequest"].map(
        (f) => `spec.limits[0].${f}[storage]: must be a standard resource for containers`,
      ),
    ],
    [
      { type: "PersistentVolumeClaim", min: { storage: "1" }, max: { storge: "2" } },
      [`spec.limits[0].max[storge]: ${standard}`],
    ],
    [
      { type: "Pod", max: { cpu: "1" }, default: { cpu: "2" } },
      ["spec.limits[0].default: may not be specified when `type` is 'Pod'"],
    ],
    [
      { type: "Container", default: { "example.com/gpu": "2" }, defaultRequest: { "example.com/gpu": "1" } },
      [
        "spec.limits[0].defaultRequest[example.com/gpu]: default value 2 must equal to defaultRequest value 1 in example.com/gpu",
      ],
    ],
  ];
  it.each(cases)("%j", (item, errors) => {
    expect(createErrors(info, range(item))).toEqual(errors);
  });

  it("are checked on updates too", () => {
    const change = (obj: Loose): void => void (obj.spec.limits[0].type = "Node");
    expect(updated(info, range({ type: "Pod", max: { cpu: "1" } }), change).errors).toEqual([
      "spec.limits[0].type: must be a standard limit type or fully qualified",
    ]);
  });

  it("get a name where they have none, and are made by PUT", () => {
    const { metadata: given } = created(info, { metadata: { namespace: "default" }, spec: { limits: [] } });
    expect(given.name).toMatch(/^[0-9a-f-]{36}$/);
    expect(strategyFor(info).allowCreateOnUpdate).toBe(true);
  });
});

describe("resource quotas", () => {
  const info = infoOf("resourcequotas");
  const quota = { metadata, spec: { hard: { pods: "1" }, scopes: ["Terminating", "NotBestEffort"] } };

  it("keep their scopes, in whatever order", () => {
    expect(updated(info, quota, (obj) => obj.spec.scopes.reverse()).errors).toEqual([]);
    expect(updated(info, quota, (obj) => obj.spec.scopes.pop()).errors).toEqual(["spec.scopes: field is immutable"]);
  });

  it("count in status what they can count in spec", () => {
    const change = (obj: Loose): void => void (obj.status = { hard: { pods: "1500m" }, used: { things: "-1" } });
    expect(updated(info, quota, change, "status").errors).toEqual([
      "status.hard[pods]: must be an integer",
      `status.used[things]: ${standard}`,
      "status.used[things]: must be a standard resource for quota",
      "status.used[things]: must be greater than or equal to 0",
    ]);
  });

  it("name a bad name twice", () => {
    const errors = createErrors(info, { metadata, spec: { hard: { "a b": "1" } } });
    expect(errors).toHaveLength(2);
    expect(errors[1]).toBe("spec.hard[a b]: must be a standard resource for quota");
  });
});

describe("runtime classes", () => {
  const info = infoOf("runtimeclasses");
  const toleration = { key: "a", operator: "Exists" };
  it("say what their pods cost and where they go, on updates too", () => {
    expect(createErrors(info, { metadata: { name: "a" }, handler: "" })).toEqual(["handler: "]);
    const bad = {
      overhead: { podFixed: { pods: "1" } },
      scheduling: { nodeSelector: { "a b": "c" }, tolerations: [toleration, toleration, { operator: "Equal" }] },
    };
    const errors = createErrors(info, { metadata: { name: "a" }, handler: "h", ...bad });
    expect(errors.map((each) => each.slice(0, 60))).toEqual([
      "overhead.limits[pods]: must be a standard resource for conta",
      "scheduling.nodeSelector: name part must consist of alphanume",
      "scheduling.tolerations.tolerations[2].operator: operator mus",
      "scheduling.tolerations[1]: ",
    ]);
    const next = updated(info, { metadata: { name: "a" }, handler: "h" }, (obj) => Object.assign(obj, bad));
    expect(next.errors).toEqual(errors);
  });
});

describe("leases and revisions", () => {
  it("hold nothing of an election that is not held", () => {
    const info = infoOf("leases");
    const body = { metadata, spec: { strategy: "OldestEmulationVersion", preferredHolder: "b", holderIdentity: "a" } };
    expect(created(info, body).spec).toEqual({ holderIdentity: "a" });
    expect(updated(info, body, (obj) => (obj.spec.holderIdentity = "b")).next.spec).toMatchObject({
      preferredHolder: "b",
    });
  });

  it("count revisions from zero", () => {
    const info = infoOf("controllerrevisions");
    const old = { metadata, data: { a: 1 }, revision: 1 };
    expect(updated(info, old, (obj) => (obj.revision = -1)).errors).toEqual([
      "revision: must be greater than or equal to 0",
    ]);
  });
});

it.each(
  "runtimeclasses leases poddisruptionbudgets validatingwebhookconfigurations mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings".split(
    " ",
  ),
)("%s are updated by whoever has seen the last version", (resource) => {
  expect(strategyFor(infoOf(resource)).allowUnconditionalUpdate).toBe(false);
});
