import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KubeObject, ManagedFieldsEntry } from "../object.ts";
import { StatusError } from "../status-error.ts";
import { withoutFields } from "./field-filter.ts";
import { trackApply, trackUpdate } from "./field-manager.ts";
import { decodeFields } from "./fields-v1.ts";
import { formatPath } from "./path-element.ts";
import { deduced, list, map, metadata, objectValue, oneVersion, string, struct, typing } from "./schema.testing.ts";
import { equalValues } from "./typed.ts";
import type { TypeSchema } from "../schema.ts";
import type { Typing } from "./typed.ts";
import type { TypedVersions } from "./updater.ts";

type Thing = KubeObject & { spec?: Record<string, unknown> | null; status?: Record<string, unknown> };

/** An object and those who write it, as a server would keep them. */
class World {
  object: Thing | undefined;
  readonly #versions: TypedVersions;
  #seconds = 0;

  constructor(versions: TypedVersions = oneVersion()) {
    this.#versions = versions;
  }

  apply(manager: string, spec: unknown, force = false, more: object = {}): this {
    const config = { ...thing(spec), ...more };
    const live = this.object ?? { apiVersion: "v1", kind: "Thing", metadata: {} };
    const { object, managedFields } = trackApply(live, config, this.#writer(manager), this.#versions, force);
    return this.#keep(object ?? live, managedFields);
  }

  update(manager: string, spec: unknown, more: KubeObject["metadata"] = {}, subresource = ""): this {
    const next = thing(spec);
    next.metadata = { ...next.metadata, ...more };
    const managedFields = trackUpdate(this.object, next, this.#writer(manager, subresource), this.#versions);
    return this.#keep(next, managedFields);
  }

  get entries(): readonly ManagedFieldsEntry[] {
    return this.object?.metadata?.managedFields ?? [];
  }

  /** Paths that a manager owns. */
  owned(manager: string): string[] {
    return this.entries
      .filter((entry) => entry.manager === manager)
      .flatMap(({ fieldsV1 }) => Array.from(decodeFields(fieldsV1).paths(), formatPath));
  }

  #writer(manager: string, subresource = "") {
    this.#seconds++;
    const time = new Date(this.#seconds * 1000).toISOString().replace(".000", "");
    return { manager, subresource, apiVersion: "v1", time };
  }

  #keep(object: Thing, managedFields: ManagedFieldsEntry[] | undefined): this {
    const { managedFields: _old, ...rest } = object.metadata ?? {};
    this.object = structuredClone({
      ...object,
      metadata: managedFields === undefined ? rest : { ...rest, managedFields },
    });
    return this;
  }
}

const thing = (spec: unknown): Thing => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name: "x" },
  ...(spec === undefined ? {} : { spec: spec as Record<string, unknown> }),
});

function failure(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe("applying", () => {
  it("owns what it names, and not what names the object", () => {
    const world = new World().apply("a", { replicas: 1, nested: { m: { k: "v" } }, containers: [{ name: "c" }] });
    expect(world.owned("a")).toEqual([
      ".spec.replicas",
      '.spec.containers[name="c"]',
      '.spec.containers[name="c"].name',
      // A key of a map is somebody's as well, a struct's field only when there is nothing in it.
      ".spec.nested.m",
      ".spec.nested.m.k",
    ]);
    expect(world.entries).toMatchObject([{ operation: "Apply", apiVersion: "v1", fieldsType: "FieldsV1" }]);
  });

  it("conflicts with another owner of another value, and shares an equal one", () => {
    const world = new World().apply("a", { replicas: 1, mode: "x" });
    const error = failure(() => world.apply("b", { replicas: 2 })) as StatusError;
    expect(error.status).toMatchObject({
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "a": .spec.replicas',
      details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "a"', field: ".spec.replicas" }] },
    });
    world.apply("b", { replicas: 1 });
    expect([world.owned("a"), world.owned("b")]).toEqual([[".spec.mode", ".spec.replicas"], [".spec.replicas"]]);
  });

  it("names every conflict, by manager", () => {
    const world = new World().update("u", { replicas: 1 }).apply("a", { mode: "x", selector: { a: "b" } });
    expect(failure(() => world.apply("b", { replicas: 2, mode: "y", selector: {} })).message).toBe(
      'Apply failed with 3 conflicts: conflicts with "a":\n- .spec.mode\n- .spec.selector\n' +
        'conflicts with "u" using v1:\n- .spec.replicas',
    );
  });

  it("takes a field from its owner when forced", () => {
    const world = new World().apply("a", { replicas: 1, mode: "x" }).apply("b", { replicas: 2 }, true);
    expect(world.object?.spec).toEqual({ replicas: 2, mode: "x" });
    expect([world.owned("a"), world.owned("b")]).toEqual([[".spec.mode"], [".spec.replicas"]]);
  });

  it("removes what it no longer names and nobody else owns", () => {
    const world = new World()
      .apply("a", { replicas: 1, mode: "x", containers: [{ name: "c" }, { name: "d", image: "i" }] })
      .apply("b", { mode: "x", containers: [{ name: "d" }] })
      .apply("a", { containers: [{ name: "c" }] });
    expect(world.object?.spec).toEqual({ mode: "x", containers: [{ name: "c" }, { name: "d" }] });
    world.apply("b", undefined);
    expect(world.object?.spec).toEqual({ containers: [{ name: "c" }] });
    expect(world.entries.map(({ manager }) => manager)).toEqual(["a"]);
  });

  it("removes an item that it no longer names with all that others put into it", () => {
    const world = new World().apply("a", { mode: "x", containers: [{ name: "c" }] });
    world.update("u", { mode: "x", containers: [{ name: "c", image: "i" }] });
    world.apply("a", { mode: "x" });
    expect(world.object?.spec).toEqual({ mode: "x" });
    expect(world.entries.map(({ manager }) => manager)).toEqual(["a"]);
  });

  it("owns atomic maps, structs and lists as a whole", () => {
    const world = new World().apply("a", {
      selector: { x: "1" },
      whole: { a: "1" },
      containers: [{ name: "c", args: ["1", "2"] }],
    });
    expect(world.owned("a")).toEqual([
      ".spec.selector",
      ".spec.whole",
      '.spec.containers[name="c"]',
      '.spec.containers[name="c"].args',
      '.spec.containers[name="c"].name',
    ]);
    expect(() => world.apply("b", { selector: { y: "1" } })).toThrow(".spec.selector");
    world.apply("b", { whole: { b: "2" } }, true);
    expect(world.object?.spec?.whole).toEqual({ b: "2" });
  });

  it("names items of sets by their values", () => {
    const world = new World().apply("a", undefined, false, { metadata: { name: "x", finalizers: ["f", "g"] } });
    world.apply("b", undefined, false, { metadata: { name: "x", finalizers: ["h", "g"] } });
    expect(world.object?.metadata?.finalizers).toEqual(["f", "h", "g"]);
    expect(world.owned("b")).toEqual(['.metadata.finalizers[="g"]', '.metadata.finalizers[="h"]']);
    world.apply("a", undefined);
    expect(world.object?.metadata?.finalizers).toEqual(["h", "g"]);
  });

  it("takes defaults of keys for what is not given", () => {
    const port = (more: object) => ({ containers: [{ name: "c", ports: [{ port: 80, ...more }] }] });
    const world = new World().apply("a", port({ title: "x" }));
    expect(world.owned("a")).toContain('.spec.containers[name="c"].ports[port=80,protocol="TCP"].title');
    expect(() => world.apply("b", port({ protocol: "TCP", title: "y" }))).toThrow("conflict");
    world.apply("b", port({ protocol: "UDP" }));
    expect(world.object?.spec?.containers).toMatchObject([{ ports: [{ port: 80 }, { port: 80, protocol: "UDP" }] }]);
  });

  it("owns what it sets to null", () => {
    const world = new World().apply("a", { replicas: null });
    expect(world.owned("a")).toEqual([".spec.replicas"]);
  });

  it("to an object that was not tracked gives its fields to before-first-apply", () => {
    const world = new World();
    world.object = thing({ replicas: 1, mode: "x" });
    expect(failure(() => world.apply("a", { replicas: 2 })).message).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .spec.replicas',
    );
    world.apply("a", { replicas: 1 });
    expect(world.entries.map(({ manager, operation }) => [manager, operation])).toEqual([
      ["a", "Apply"],
      ["before-first-apply", "Update"],
    ]);
  });

  it("takes no managed fields", () => {
    const config = { metadata: { name: "x", managedFields: [] } };
    expect(() => new World().apply("a", {}, false, config)).toThrow("metadata.managedFields must be nil");
  });

  it.each([
    [{ foo: 1 }, ".spec.foo: field not declared in schema"],
    [{ replicas: "1" }, ".spec.replicas: expected numeric (int or float), got string"],
    [{ mode: 1 }, ".spec.mode: expected string, got &value.valueUnstructured{Value:1}"],
    [{ containers: { a: 1 } }, ".spec.containers: expected list, got &{map[a:1]}"],
    [{ nested: ["a"] }, ".spec.nested: expected map, got &{[a]}"],
    [{ containers: [{ name: "c" }, { name: "c" }] }, '.spec.containers: duplicate entries for key [name="c"]'],
    [
      { containers: [{ image: "i" }] },
      '.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    ],
    [
      { foo: 1, bar: 2 },
      "errors:\n  .spec.foo: field not declared in schema\n  .spec.bar: field not declared in schema",
    ],
  ])("refuses what does not fit the type: %j", (spec, message) => {
    expect(failure(() => new World().apply("a", spec)).message).toBe(
      `failed to create typed patch object (/x; /v1, Kind=Thing): ${message}`,
    );
  });

  it("refuses a name that is no text, and shows none", () => {
    const metadata = { name: { toString: "x" }, namespace: [1] };
    expect(failure(() => new World().apply("a", {}, false, { metadata })).message).toMatch(
      /^failed to create typed patch object \(\/; \/v1, Kind=Thing\): /,
    );
  });

  it("tells when what is there cannot have managed fields", () => {
    const world = new World();
    world.object = { ...thing({ containers: [{ image: "i" }] }), metadata: { name: "x", namespace: "y" } };
    expect(failure(() => world.apply("a", { replicas: 2 })).message).toMatch(
      /^failed to create manager for existing fields: failed to convert new object \(y\/x; \/v1, Kind=Thing\) to smd typed: .*an element that omits all key fields \["name"\]/,
    );
  });

  it("twice changes nothing", () => {
    for (const of of [typing, deduced]) {
      fc.assert(
        fc.property(objectValue, objectValue, (before, config) => {
          const versions = oneVersion(of);
          const live = new World(versions).update("u", before.spec).object ?? {};
          const writer = { manager: "a", subresource: "", apiVersion: "v1", time: "2026-01-01T00:00:00Z" };
          const once = trackApply(live, config, writer, versions, true);
          const object = once.object ?? live;
          const state = {
            ...object,
            metadata: { ...object.metadata, ...(once.managedFields ? { managedFields: once.managedFields } : {}) },
          };
          const twice = trackApply(state, config, writer, versions, false);
          expect(twice.object).toBeUndefined();
          expect(equalValues(twice.managedFields, once.managedFields)).toBe(true);
        }),
      );
    }
  });

  it("and then nothing leaves what was there before", () => {
    fc.assert(
      fc.property(objectValue, objectValue, (before, { spec }) => {
        const world = new World().update("u", before.spec).apply("b", undefined);
        const live = structuredClone(world.object?.spec);
        const owned = world.owned("u");
        try {
          world.apply("a", spec);
        } catch (error) {
          expect(error).toBeInstanceOf(StatusError);
          return;
        }
        world.apply("a", undefined);
        expect(world.owned("a")).toEqual([]);
        expect(world.owned("u")).toEqual(owned);
        expect(sorted(withoutEmpty(world.object?.spec))).toEqual(sorted(withoutEmpty(live)));
      }),
    );
  });
});

/** Items of lists keep their place among others, not their index. */
function sorted(value: unknown): unknown {
  const items = (value as { containers?: { name: string }[] } | undefined)?.containers;
  return items === undefined
    ? value
    : { ...(value as object), containers: items.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Containers that lost all that was in them are gone; whether they were there empty before does not matter here. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => withoutEmpty(item) ?? item);
  // A zero value is nobody's: it goes with the struct that it stands in.
  if (typeof value !== "object" || value === null) return value === "" ? undefined : (value ?? undefined);
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, withoutEmpty(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

describe("plain writes", () => {
  it("own what they change, with everything that comes with it", () => {
    const world = new World().update("u", { containers: [{ name: "c", resources: {} }], nested: { m: { k: "v" } } });
    expect(world.owned("u")).toEqual([
      ".spec.nested",
      '.spec.containers[name="c"]',
      '.spec.containers[name="c"].name',
      '.spec.containers[name="c"].resources',
      ".spec.nested.m",
      ".spec.nested.m.k",
    ]);
  });

  it("take fields from whoever had them, without a conflict", () => {
    const world = new World().apply("a", { replicas: 1, mode: "x" }).update("u", { replicas: 2, mode: "x" });
    expect([world.owned("a"), world.owned("u")]).toEqual([[".spec.mode"], [".spec.replicas"]]);
    world.update("v", { mode: "x" });
    expect([world.owned("u"), world.owned("v")]).toEqual([[], []]);
  });

  it("that change nothing leave entries and times alone", () => {
    const world = new World().update("u", { replicas: 1 });
    const before = structuredClone(world.entries);
    expect(world.update("v", { replicas: 1 }).entries).toEqual(before);
    expect(world.update("u", { replicas: 1 }).entries).toEqual(before);
    world.update("v", { replicas: 1, mode: "x" });
    expect(world.entries.map(({ manager, time }) => [manager, time?.slice(17, 19)])).toEqual([
      ["u", "01"],
      ["v", "04"],
    ]);
  });

  it("by a subresource are told apart, and cannot set managed fields", () => {
    const world = new World().update("u", { replicas: 1 });
    world.update("u", { replicas: 1, mode: "x" }, { managedFields: [] }, "status");
    expect(world.entries.map(({ subresource }) => subresource)).toEqual([undefined, "status"]);
  });

  it("without managed fields do not remove them; an empty list or entry does, until the next apply", () => {
    for (const managedFields of [[], [{}]]) {
      const world = new World().update("u", { replicas: 1 }).update("u", { replicas: 2 }, { managedFields });
      expect(world.object?.metadata?.managedFields).toBeUndefined();
      expect(world.update("u", { replicas: 3 }).entries).toEqual([]);
      world.apply("a", { mode: "x" });
      expect(world.entries.map(({ manager }) => manager)).toEqual(["a", "before-first-apply"]);
    }
  });

  it("may set managed fields, if they can be read", () => {
    const entry = {
      manager: "other",
      operation: "Update",
      apiVersion: "v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:spec": { "f:replicas": {} } },
    };
    const world = new World().update("u", { replicas: 1 });
    const broken: ManagedFieldsEntry[] = [
      { ...entry, operation: "Create" },
      { ...entry, apiVersion: "" },
      { ...entry, fieldsType: "" },
      { ...entry, fieldsType: "FieldsV2" },
      { ...entry, fieldsV1: { nonsense: {} } },
    ];
    for (const each of broken) {
      world.update("u", { replicas: 1 }, { managedFields: [each] });
      expect(world.owned("u")).toEqual([".spec.replicas"]);
    }
    world.update("u", { replicas: 1 }, { managedFields: [entry] });
    expect(world.entries).toEqual([entry]);
  });

  it("do not own what their strategy resets", () => {
    const versions = { ...oneVersion(), filter: () => withoutFields(["spec", "replicas"]) };
    const world = new World(versions).update("u", { replicas: 1, mode: "x" });
    expect(world.owned("u")).toEqual([".spec.mode"]);
    expect(world.apply("a", { replicas: 1, mode: "x" }).owned("a")).toEqual([".spec.mode"]);
  });

  it("keep at most ten entries: older ones become ancient changes", () => {
    const world = new World();
    const nested: Record<string, unknown> = {};
    for (let i = 0; i < 13; i++) {
      nested[`k${i}`] = { a: "b" };
      world.update(`u${String(i).padStart(2, "0")}`, { nested: structuredClone(nested) });
    }
    const managers = world.entries.map(({ manager }) => manager);
    expect(managers).toEqual([
      "ancient-changes",
      ...Array.from({ length: 9 }, (_, i) => `u${String(i + 4).padStart(2, "0")}`),
    ]);
    expect(world.owned("ancient-changes").filter((path) => path.endsWith(".a"))).toHaveLength(4);
    expect(world.entries[0]?.time).toBe("1970-01-01T00:00:04Z");
  });
});

describe("versions", () => {
  /** v2 calls replicas "count". */
  const schemaOf = (field: string): Typing => ({
    schema: struct({ apiVersion: string, kind: string, metadata, spec: struct({ [field]: string, mode: string }) }),
    untyped: "atomic",
  });
  const versions: TypedVersions = {
    typing: (apiVersion) => ({ v1: schemaOf("replicas"), v2: schemaOf("count") })[apiVersion],
    convert(object, apiVersion) {
      if (object.apiVersion === apiVersion) return object;
      const { replicas, count, ...spec } = (object as Thing).spec ?? {};
      const value = replicas ?? count;
      const field = apiVersion === "v1" ? "replicas" : "count";
      return { ...object, apiVersion, spec: value === undefined ? spec : { ...spec, [field]: value } } as Thing;
    },
    filter: () => (set) => set,
  };
  const writer = (manager: string, apiVersion: string) => ({
    manager,
    subresource: "",
    apiVersion,
    time: "2026-01-01T00:00:00Z",
  });

  it("are compared in the one that each manager knows", () => {
    const config = (apiVersion: string, spec: object) => ({ ...thing(spec), apiVersion });
    const live = versions.convert({ apiVersion: "v1", kind: "Thing", metadata: { name: "x" } }, "v1");
    const first = trackApply(live, config("v1", { replicas: "1", mode: "x" }), writer("a", "v1"), versions, false);
    const state = { ...first.object, metadata: { name: "x", managedFields: first.managedFields ?? [] } };
    const inV2 = versions.convert(state, "v2");
    expect(() => trackApply(inV2, config("v2", { count: "2" }), writer("b", "v2"), versions, false)).toThrow(
      'conflict with "a": .spec.replicas',
    );
    // The applier itself goes to the other version, and drops a field.
    const second = trackApply(inV2, config("v2", { count: "2" }), writer("a", "v2"), versions, false);
    expect((second.object as Thing).spec).toEqual({ count: "2" });
    expect(second.managedFields).toMatchObject([{ apiVersion: "v2", fieldsV1: { "f:spec": { "f:count": {} } } }]);
  });

  it("that are gone take their entries with them", () => {
    const object = { ...thing({ replicas: "1" }), metadata: { name: "x" } };
    const managedFields = trackUpdate(undefined, object, writer("u", "v1"), versions) ?? [];
    const gone: ManagedFieldsEntry = { ...managedFields[0], manager: "old", apiVersion: "v0" };
    const live = { ...object, metadata: { name: "x", managedFields: [...managedFields, gone] } };
    const next = trackUpdate(live, thing({ replicas: "2" }), writer("w", "v1"), versions);
    expect(next?.map(({ manager }) => manager)).toEqual(["u", "w"]);
  });
});

describe("a schema that changed", () => {
  const of = (nested: ReturnType<typeof map>): TypedVersions =>
    oneVersion({
      schema: struct({ apiVersion: string, kind: string, metadata, spec: struct({ nested }) }),
      untyped: "deduced",
    });
  const granular = of(map(string));
  const atomic = of(map(string, "atomic"));

  it("to granular: who owned the whole owns each part", () => {
    const world = new World(atomic).apply("a", { nested: { x: "1", y: "2" } });
    const later = new World(granular);
    later.object = world.object;
    expect(() => later.apply("b", { nested: { x: "2" } })).toThrow('conflict with "a": .spec.nested.x');
    later.apply("a", { nested: { x: "1" } });
    expect(later.object?.spec).toEqual({ nested: { x: "1" } });
  });

  it("to atomic: who owned a part owns the whole", () => {
    const world = new World(granular).apply("a", { nested: { x: "1" } });
    const later = new World(atomic);
    later.object = world.object;
    expect(() => later.apply("b", { nested: { x: "1", y: "2" } })).toThrow('conflict with "a": .spec.nested');
  });
});

describe("after client-side apply", () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const lastApplied = (spec: object) => ({ annotations: { [annotation]: JSON.stringify(thing(spec)) } });

  it("kubectl does not conflict with what it applied before", () => {
    const world = new World();
    world.update("kubectl-client-side-apply", { replicas: 1, mode: "x" }, lastApplied({ replicas: 1 }));
    world.apply("kubectl", { replicas: 2 });
    expect(world.object?.spec).toEqual({ replicas: 2, mode: "x" });
    expect(() => world.apply("kubectl", { mode: "y" })).toThrow('"kubectl-client-side-apply" using v1: .spec.mode');
    expect(() => world.apply("other", { replicas: 3 })).toThrow("conflict");
  });

  it("kubectl conflicts with what others have changed since", () => {
    const world = new World();
    world.update("kubectl-client-side-apply", { replicas: 1 }, lastApplied({ replicas: 1 }));
    world.update("hpa", { replicas: 5 }, lastApplied({ replicas: 1 }));
    expect(() => world.apply("kubectl", { replicas: 2 })).toThrow('conflict with "hpa" using v1: .spec.replicas');
  });

  it("kubectl keeps the annotation up to date, and makes none", () => {
    const world = new World();
    world.update("kubectl-client-side-apply", { replicas: 1 }, lastApplied({ replicas: 1 }));
    world.apply("kubectl", { replicas: 2 });
    expect(world.object?.metadata?.annotations?.[annotation]).toBe(
      '{"apiVersion":"v1","kind":"Thing","metadata":{"name":"x"},"spec":{"replicas":2}}\n',
    );
    expect(new World().apply("kubectl", { replicas: 1 }).object?.metadata?.annotations).toBeUndefined();
  });
});

describe("deduced types", () => {
  it("are maps of fields; lists are owned as a whole", () => {
    const world = new World(oneVersion(deduced)).apply("a", { a: { b: 1 }, l: [{ name: "x" }] });
    expect(world.owned("a")).toEqual([".spec", ".spec.a", ".spec.l", ".spec.a.b"]);
    world.apply("b", { a: { c: 1 } });
    expect(world.object?.spec).toEqual({ a: { b: 1, c: 1 }, l: [{ name: "x" }] });
    expect(() => world.apply("b", { l: [] })).toThrow(".spec.l");
    world.apply("b", { a: "now a string" }, true);
    expect(world.object?.spec?.a).toBe("now a string");
  });
});

/** Cases of structured-merge-diff's tests of several appliers, with its names. */
describe("several appliers", () => {
  const item = struct({ name: string, value: list("set", string) });
  const recursive: TypeSchema = {
    kind: "map",
    get value() {
      return recursive;
    },
  };
  const versions = oneVersion({
    schema: struct({
      apiVersion: string,
      kind: string,
      metadata,
      spec: struct({ list: list("map", item, "name"), map: recursive }),
    }),
    untyped: "atomic",
  });

  it("remove_one_keep_one_with_dangling_subitem", () => {
    const world = new World(versions)
      .apply("one", { list: [{ name: "a" }, { name: "b", value: ["c"] }] })
      .apply("two", { list: [{ name: "b", value: ["d"] }] })
      .update("controller", { list: [{ name: "a" }, { name: "b", value: ["c", "d", "e"] }] })
      .apply("one", { list: [{ name: "a" }] });
    expect(world.object?.spec).toEqual({ list: [{ name: "a" }, { name: "b", value: ["d", "e"] }] });
    expect(world.owned("controller")).toEqual(['.spec.list[name="b"].value[="e"]']);
  });

  it("remove_one_with_managed_subitem_keep_one", () => {
    const world = new World(versions)
      .apply("one", { list: [{ name: "a" }, { name: "b", value: ["c"] }] })
      .apply("two", { list: [{ name: "a", value: ["b"] }] })
      .update("controller", {
        list: [
          { name: "a", value: ["b"] },
          { name: "b", value: ["c", "d"] },
        ],
      })
      .apply("one", { list: [{ name: "a" }] });
    expect(world.object?.spec).toEqual({ list: [{ name: "a", value: ["b"] }] });
    expect(world.entries.map(({ manager }) => manager)).toEqual(["two", "one"]);
  });

  it("multiple_appliers_recursive_map", () => {
    const world = new World(versions)
      .apply("one", { map: { a: { b: null }, c: { d: null } } })
      .apply("two", { map: { a: null, c: { d: null } } })
      .update("controller-one", { map: { a: { b: { c: null } }, c: { d: { e: null } } } })
      .update("controller-two", { map: { a: { b: { c: { d: null } } }, c: { d: { e: { f: null } } } } })
      .update("controller-one", { map: { a: { b: { c: { d: { e: null } } } }, c: { d: { e: { f: { g: null } } } } } })
      .apply("one", { map: null });
    expect(world.object?.spec).toEqual({ map: { a: {}, c: { d: { e: { f: { g: null } } } } } });
    expect(world.owned("one")).toEqual([".spec.map"]);
    expect(world.owned("two")).toEqual([".spec.map.a", ".spec.map.c", ".spec.map.c.d"]);
    expect(world.owned("controller-one")).toEqual([".spec.map.c.d.e", ".spec.map.c.d.e.f.g"]);
    expect(world.owned("controller-two")).toEqual([".spec.map.c.d.e.f"]);
  });

  it("struct_apply_update_remove_all", () => {
    const world = new World(oneVersion())
      .apply("default", { nested: { m: { x: "1" } } })
      .update("controller", { nested: { m: { x: "1", y: "2" } } })
      .apply("default", undefined);
    // A key of a map is its owner's with all that is in it, as an item of a list is.
    expect(world.object?.spec).toEqual({ nested: {} });
    const fields = new World(oneVersion())
      .apply("default", { replicas: 1 })
      .update("controller", { replicas: 1, mode: "x" })
      .apply("default", undefined);
    expect(fields.object?.spec).toEqual({ mode: "x" });
  });
});

describe("sets of lists", () => {
  it("refuse items that are no scalars", () => {
    const versions = oneVersion({
      schema: struct({ apiVersion: string, kind: string, metadata, spec: struct({ set: list("set", string) }) }),
      untyped: "deduced",
    });
    expect(() => new World(versions).apply("a", { set: [{ a: 1 }] })).toThrow(
      ".spec.set: element 0: associative list without keys has an element that's a map type",
    );
    expect(() => new World(versions).apply("a", { set: ["a", "a"] })).toThrow('duplicate entries for key [="a"]');
  });
});
