import type { Descriptions } from "./descriptions.ts";
import type { FactField, FactModel, FactPackage, FactType, Facts } from "./facts.ts";
import {
  INT_OR_STRING,
  META,
  QUANTITY,
  RAW_EXTENSION,
  fieldDefault,
  isBaseType,
  isRequired,
  splitModelName,
} from "./facts.ts";

export type Json = Record<string, unknown>;

/** Both dialects come from one walk; they differ in references, defaults and enumerations. */
export type Dialect = "v2" | "v3";

const BASE: Readonly<Record<string, Json>> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { format: "int32", type: "integer" },
  int64: { format: "int64", type: "integer" },
  float64: { format: "double", type: "number" },
  bytes: { format: "byte", type: "string" },
};

const SPECIAL: Readonly<Record<string, Json>> = {
  [QUANTITY]: { description: "A fixed-point number with a suffix.", type: "string" },
  [INT_OR_STRING]: { description: "A number or a string.", format: "int-or-string", type: "string" },
  [RAW_EXTENSION]: { description: "An object of any kind.", type: "object" },
  [`${META}.Time`]: { description: "RFC 3339 with seconds, UTC.", format: "date-time", type: "string" },
  [`${META}.MicroTime`]: { description: "RFC 3339 with microseconds, UTC.", format: "date-time", type: "string" },
  [`${META}.Duration`]: { description: "A duration as Go writes it.", type: "string" },
  [`${META}.Patch`]: { description: "A patch of any of the accepted media types.", type: "object" },
  [`${META}.FieldsV1`]: { description: "A set of fields, as server-side apply writes it.", type: "object" },
};

/** What a value may be, in version 3: what reads it must not take one of them for its type. */
const EITHER: Readonly<Record<string, readonly string[]>> = {
  [QUANTITY]: ["string", "number"],
  [INT_OR_STRING]: ["integer", "string"],
};

/** Kinds of the meta package that every group version has as its own. */
const IN_EVERY_GROUP = new Set(["DeleteOptions", "WatchEvent"]);
/** Kinds that the core group has from the meta package. */
const CORE_META = new Set(["APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"]);

/** Definitions of the models that `roots` reach. */
export function openapiDefinitions(
  facts: Facts,
  texts: Descriptions,
  roots: Iterable<string>,
  dialect: Dialect,
): Record<string, Json> {
  const writer = new DefinitionWriter(facts, texts, dialect);
  for (const root of roots) writer.add(root);
  return writer.finish();
}

class DefinitionWriter {
  readonly #facts: Facts;
  readonly #texts: Descriptions;
  readonly #dialect: Dialect;
  readonly #definitions: Record<string, Json> = {};
  readonly #queue: string[] = [];

  constructor(facts: Facts, texts: Descriptions, dialect: Dialect) {
    this.#facts = facts;
    this.#texts = texts;
    this.#dialect = dialect;
  }

  add(name: string): void {
    if (name in this.#definitions) return;
    this.#definitions[name] = {};
    this.#queue.push(name);
  }

  finish(): Record<string, Json> {
    for (let name = this.#queue.pop(); name !== undefined; name = this.#queue.pop()) {
      this.#definitions[name] = this.#definition(name);
    }
    const entries = Object.entries(this.#definitions);
    return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #definition(name: string): Json {
    if (name === VERSION_INFO) return versionInfo();
    const special = SPECIAL[name];
    const either = this.#dialect === "v3" ? EITHER[name] : undefined;
    // Version 2 knows one type for each value.
    if (special) return either ? { ...special, oneOf: either.map((type) => ({ type })), type: undefined } : special;
    const model = this.#facts.model(name);
    const { pkg, type } = splitModelName(name);
    const text = this.#texts.of(pkg, type);
    if (model.special) return { description: text.description || "Any JSON value." };
    const fields = this.#facts.jsonFields(model);
    const properties = Object.fromEntries(
      fields
        .map((field): [string, Json] => [
          field.name ?? "",
          this.#property(field, text.properties.get(field.name ?? "")),
        ])
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
    const required = fields.filter(isRequired).map((field) => field.name);
    const kinds = this.#kinds(pkg, type, model);
    return {
      ...(text.description ? { description: text.description } : {}),
      ...(fields.length > 0 ? { properties } : {}),
      ...(required.length > 0 ? { required } : {}),
      type: "object",
      ...(kinds.length > 0 ? { "x-kubernetes-group-version-kind": kinds } : {}),
      ...(this.#facts.names.unions[name] ? { "x-kubernetes-unions": this.#facts.names.unions[name] } : {}),
      ...(model.structType ? { "x-kubernetes-map-type": model.structType } : {}),
    };
  }

  #kinds(pkg: string, kind: string, model: FactModel): Json[] {
    const hasTypeMeta = model.fields?.some((field) => field.inline && field.type === `${META}.TypeMeta`);
    const own = this.#facts.packages.find((each) => each.package === pkg);
    const wire = (each: FactPackage): Json => ({ group: each.group, kind, version: each.version });
    if (pkg !== META) return hasTypeMeta && own ? [wire(own)] : [];
    if (IN_EVERY_GROUP.has(kind)) {
      return this.#facts.packages.filter((each) => each.package !== META && isServed(each)).map(wire);
    }
    return CORE_META.has(kind) ? [{ group: "", kind, version: "v1" }] : [];
  }

  #property(field: FactField, description: string | undefined): Json {
    const marks: Json = {
      ...(description ? { description } : {}),
      ...(field.listMapKeys ? { "x-kubernetes-list-map-keys": field.listMapKeys } : {}),
      ...(field.listType ? { "x-kubernetes-list-type": field.listType } : {}),
      ...(field.mapType ? { "x-kubernetes-map-type": field.mapType } : {}),
      ...(field.structType ? { "x-kubernetes-map-type": field.structType } : {}),
      ...(field.patchMergeKey ? { "x-kubernetes-patch-merge-key": field.patchMergeKey } : {}),
      ...(field.patchStrategy ? { "x-kubernetes-patch-strategy": field.patchStrategy } : {}),
    };
    const type = this.#type(field.type);
    if (this.#dialect === "v2") return { ...type, ...marks };
    const value = this.#default(field);
    const extra = value === undefined ? {} : { default: value };
    if (!("$ref" in type)) return { ...type, ...extra, ...marks };
    // A reference allows no siblings in OpenAPI 3.0.
    return Object.keys({ ...marks, ...extra }).length === 0 ? type : { allOf: [type], ...extra, ...marks };
  }

  /** Explicit defaults, and the zero values of fields that are always written. */
  #default(field: FactField): unknown {
    const given = fieldDefault(field);
    if (given !== undefined || field.pointer) return given;
    return this.#zero(field.type, isRequired(field));
  }

  #zero(type: FactType, always: boolean): unknown {
    if (typeof type !== "string") return undefined;
    if (isBaseType(type)) {
      if (!always || type === "bytes") return undefined;
      return type === "string" ? "" : type === "bool" ? false : 0;
    }
    const model = this.#facts.model(type);
    if (model.base !== undefined) return typeof model.base === "string" ? this.#zero(model.base, always) : undefined;
    return type === RAW_EXTENSION || model.special ? undefined : {};
  }

  #type(type: FactType): Json {
    if (typeof type !== "string") {
      if ("map" in type) return { additionalProperties: this.#element(type.map), type: "object" };
      return { items: this.#element(type.list), type: "array" };
    }
    if (isBaseType(type)) return { ...BASE[type] };
    const model = this.#facts.model(type);
    if (model.base !== undefined) {
      const base = this.#type(model.base);
      const enumerated = this.#dialect === "v3" && model.closed && model.values;
      return enumerated ? { ...base, enum: [...(model.values ?? [])].toSorted() } : base;
    }
    this.add(type);
    return { $ref: `${this.#dialect === "v2" ? "#/definitions/" : "#/components/schemas/"}${type}` };
  }

  #element(type: FactType): Json {
    const element = this.#type(type);
    if (this.#dialect === "v2") return element;
    const value = this.#zero(type, true);
    if (value === undefined) return element;
    return "$ref" in element ? { allOf: [element], default: value } : { ...element, default: value };
  }
}

/** Packages whose types only travel inside other protocols are no group of the API. */
export const isServed = (pkg: FactPackage): boolean =>
  pkg.package !== META && !pkg.package.includes("apidiscovery") && !pkg.package.includes(".metrics.");

export const VERSION_INFO = "io.k8s.apimachinery.pkg.version.Info";

function versionInfo(): Json {
  const names =
    "buildDate compiler emulationMajor emulationMinor gitCommit gitTreeState gitVersion goVersion major minCompatibilityMajor minCompatibilityMinor minor platform";
  return {
    description: "What the server is and with what it is compatible.",
    properties: Object.fromEntries(names.split(" ").map((name) => [name, { type: "string" }])),
    required: "major minor gitVersion gitCommit gitTreeState buildDate goVersion compiler platform".split(" "),
    type: "object",
  };
}
