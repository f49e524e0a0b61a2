import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** A field's type as facts write it: a base type, a model name, a list or a string-keyed map. */
export type FactType = string | { readonly list: FactType } | { readonly map: FactType };

/** One field of a struct; its columns: presence, merge rules, protobuf number. */
export interface FactField {
  readonly name?: string;
  readonly inline?: boolean;
  readonly type: FactType;
  readonly pointer?: boolean;
  readonly optional?: boolean;
  readonly omitempty?: boolean;
  /** An empty list that somebody wrote is not one that nobody wrote: it is kept, for the rules of its kind to refuse. */
  readonly keepsEmpty?: boolean;
  readonly omitzero?: boolean;
  readonly nullable?: boolean;
  readonly proto?: number;
  readonly default?: unknown;
  readonly listType?: "atomic" | "set" | "map";
  readonly listMapKeys?: readonly string[];
  readonly mapType?: "atomic" | "granular";
  readonly structType?: "atomic" | "granular";
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
}

/** A struct (fields), a named base type (base) or a type with a JSON form of its own (special). */
export interface FactModel {
  readonly fields?: readonly FactField[];
  readonly base?: FactType;
  readonly values?: readonly string[];
  readonly closed?: boolean;
  readonly special?: string;
  readonly structType?: "atomic" | "granular";
  readonly clients?: readonly string[];
}

export interface FactPackage {
  readonly group: string;
  readonly version: string;
  readonly package: string;
  readonly types: Readonly<Record<string, FactModel>>;
}

export interface FactResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: Readonly<Record<string, { verbs: readonly string[]; gvk: string }>>;
}

interface FactNames {
  readonly shortNames: Readonly<Record<string, readonly string[]>>;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly singular: Readonly<Record<string, string>>;
  /** x-kubernetes-unions by model. */
  readonly unions: Readonly<Record<string, readonly object[]>>;
  readonly aggregated: readonly (Pick<FactResource, "group" | "version" | "resource" | "kind" | "namespaced"> & {
    constant: string;
  })[];
}

export const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
export const QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity";
export const INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
export const RAW_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/** Types that facts refer to without listing them. */
const UNLISTED: Readonly<Record<string, FactModel>> = {
  [QUANTITY]: { special: "quantity" },
  [INT_OR_STRING]: { special: "int-or-string" },
  [RAW_EXTENSION]: { special: "any" },
};

/** Defaults that the API sources write as the name of a constant. */
const REF_DEFAULTS: Readonly<Record<string, string>> = {
  "ref(AzureDataDiskCachingReadWrite)": "ReadWrite",
  "ref(AzureSharedBlobDisk)": "Shared",
};

/** All facts of packages/api/facts, with lookups by model name (`io.k8s.api.core.v1.Pod`). */
export class Facts {
  readonly packages: readonly FactPackage[];
  readonly resources: readonly FactResource[];
  readonly names: FactNames;
  readonly #models = new Map<string, FactModel>(Object.entries(UNLISTED));

  constructor(dir: string) {
    const packages: FactPackage[] = [];
    for (const file of readdirSync(dir).toSorted()) {
      if (file.startsWith("io.k8s.")) packages.push(JSON.parse(readFileSync(join(dir, file), "utf8")) as FactPackage);
    }
    for (const pkg of packages) {
      for (const [name, model] of Object.entries(pkg.types)) this.#models.set(`${pkg.package}.${name}`, model);
    }
    this.packages = packages;
    this.resources = JSON.parse(readFileSync(join(dir, "resources.json"), "utf8")) as FactResource[];
    this.names = JSON.parse(readFileSync(join(dir, "names.json"), "utf8")) as FactNames;
  }

  model(name: string): FactModel {
    const model = this.#models.get(name);
    if (!model) throw new Error(`facts name ${name} but do not describe it`);
    return model;
  }

  has(name: string): boolean {
    return this.#models.has(name);
  }

  /** Types that never travel (Go's internal watch event, an alias of List, an unused base type). */
  isWireType(name: string): boolean {
    const base = this.model(name).base;
    return base === undefined || typeof base !== "string" || base === "string";
  }

  /** A model's JSON fields in order, with inlined structs flattened into it. */
  jsonFields(model: FactModel): FactField[] {
    return (model.fields ?? []).flatMap((field) =>
      field.inline ? this.jsonFields(this.model(field.type as string)) : [field],
    );
  }

  packageOf(group: string, version: string): FactPackage {
    const found = this.packages.find((pkg) => pkg.group === group && pkg.version === version && pkg.package !== META);
    if (!found) throw new Error(`no facts for ${group}/${version}`);
    return found;
  }
}

export const isBaseType = (type: string): boolean => !type.includes(".");

/** "io.k8s.api.core.v1.Pod" → package and type name. */
export function splitModelName(name: string): { pkg: string; type: string } {
  const dot = name.lastIndexOf(".");
  return { pkg: name.slice(0, dot), type: name.slice(dot + 1) };
}

/** "io.k8s.api.core.v1" → "core/v1": the module path below src/generated. */
export const modulePath = (pkg: string): string => pkg.split(".").slice(-2).join("/");

/** What a field's facts say of its presence in JSON: the rule of upstream's OpenAPI generator. */
export const isRequired = (field: FactField): boolean => !field.optional;

/** The schema's default; names of Go constants are resolved. */
export function fieldDefault(field: FactField): unknown {
  const value = field.default;
  return typeof value === "string" && value in REF_DEFAULTS ? REF_DEFAULTS[value] : value;
}

/** "ReplicaSet" → "replicaSet", "CSIDriver" → "csiDriver", "IPAddress" → "ipAddress". */
export function lowerCamel(kind: string): string {
  return kind.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]/, (head) => head.toLowerCase());
}

/** The plural in camel case, the name of the ResourceType constant: "replicaSets". */
export function pluralCamel(kind: string, resource: string): string {
  const lower = kind.toLowerCase();
  const camel = lowerCamel(kind);
  if (resource.startsWith(lower)) return camel + resource.slice(lower.length);
  if (lower.endsWith("y") && resource === `${lower.slice(0, -1)}ies`) return `${camel.slice(0, -1)}ies`;
  return resource;
}
