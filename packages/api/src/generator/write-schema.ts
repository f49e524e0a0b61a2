import type { FactField, FactType, Facts } from "./facts.ts";
import {
  INT_OR_STRING,
  META,
  QUANTITY,
  RAW_EXTENSION,
  fieldDefault,
  isBaseType,
  isRequired,
  modulePath,
  splitModelName,
} from "./facts.ts";
import type { CompactField, CompactModel, CompactType } from "../schema/compact.ts";

/** Special types as the schema sees them. */
const SPECIALS: Readonly<Record<string, CompactModel>> = {
  [QUANTITY]: { s: "quantity" },
  [INT_OR_STRING]: { s: "int-or-string" },
  [RAW_EXTENSION]: { s: "any" },
  [`${META}.Time`]: { s: "time" },
  [`${META}.MicroTime`]: { s: "microtime" },
  [`${META}.Duration`]: { s: "duration" },
};

/** "io.k8s.api.core.v1.PodSpec" → "core/v1.PodSpec". */
export function shortName(model: string): string {
  const { pkg, type } = splitModelName(model);
  return model === QUANTITY || model === INT_OR_STRING || model === RAW_EXTENSION ? type : `${modulePath(pkg)}.${type}`;
}

/** The module with every model's schema as a string of its own, so that a process decodes only what it uses. */
export function writeSchemaModule(facts: Facts): string {
  const models: Record<string, string> = {};
  for (const special of [QUANTITY, INT_OR_STRING, RAW_EXTENSION]) {
    models[shortName(special)] = JSON.stringify(SPECIALS[special]);
  }
  for (const pkg of facts.packages) {
    for (const name of Object.keys(pkg.types)) {
      const model = `${pkg.package}.${name}`;
      if (facts.isWireType(model)) models[shortName(model)] = JSON.stringify(compactModel(facts, model));
    }
  }
  const groups = facts.packages.map((pkg) => [`${pkg.group}/${pkg.version}`, modulePath(pkg.package)]);
  return [
    "// Generated from facts; run `npm run generate`.",
    `export const MODELS: Readonly<Record<string, string>> = JSON.parse(${quote(JSON.stringify(models))});`,
    `export const PACKAGES: Readonly<Record<string, string>> = ${JSON.stringify(Object.fromEntries(groups))};`,
    "",
  ].join("\n");
}

const quote = (json: string): string =>
  `'${json.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\u2028", "\\u2028")}'`;

function compactModel(facts: Facts, name: string): CompactModel {
  const model = facts.model(name);
  const special = SPECIALS[name];
  if (special) return special;
  if (model.special) return { s: "any" };
  if (model.base !== undefined) {
    if (typeof model.base !== "string") return { a: compactType(model.base) };
    return { s: model.base, ...(model.closed && model.values ? { e: [...model.values] } : {}) };
  }
  const fields = (model.fields ?? []).flatMap((field) => compactField(facts, field));
  return { f: fields, ...(model.structType ? { st: model.structType } : {}) };
}

/** Inlined structs keep their protobuf nesting: the field says under which number its parent message lies. */
function compactField(facts: Facts, field: FactField): CompactField[] {
  if (field.inline) {
    const inner = (facts.model(field.type as string).fields ?? []).flatMap((each) => compactField(facts, each));
    // TypeMeta is no part of an object's message: the envelope carries it.
    return inner.map((each) => ({ ...each, pp: [field.proto ?? 0, ...(each.pp ?? [])] }));
  }
  if (field.name === undefined) throw new Error("facts hold a field without a name");
  const kind = underlyingKind(facts, field.type);
  const value = fieldDefault(field);
  return [
    {
      n: field.name,
      t: compactType(field.type),
      ...(field.proto ? { p: field.proto } : {}),
      ...(field.pointer ? { ptr: 1 as const } : {}),
      ...(isRequired(field) ? { r: 1 as const } : {}),
      ...(field.nullable ? { nu: 1 as const } : {}),
      ...(field.omitempty && !field.keepsEmpty ? { o: 1 as const } : {}),
      ...(value === undefined ? {} : { d: value }),
      ...(field.listType ? { lt: field.listType } : {}),
      ...(field.listMapKeys ? { lk: [...field.listMapKeys] } : {}),
      ...(field.mapType ? { mt: field.mapType } : {}),
      ...(field.structType ? { st: field.structType } : {}),
      ...(field.patchStrategy ? { ps: field.patchStrategy.split(",") } : {}),
      ...(field.patchMergeKey ? { pk: field.patchMergeKey } : {}),
      ...zeroOf(field, kind),
    },
  ];
}

type Kind = "struct" | "list" | "map" | "quantity" | "int-or-string" | "none" | "scalar";

/** What is written for a field that nobody set, as the reference implementation's types do it. */
function zeroOf(field: FactField, kind: Kind): Pick<CompactField, "z"> {
  if (field.pointer || kind === "none") return {};
  if (kind === "struct") return field.omitzero ? {} : { z: "struct" };
  if (kind === "quantity") return { z: "quantity" };
  if (kind === "int-or-string") return { z: "int" };
  if (field.omitempty || field.omitzero) return {};
  if (kind === "list") return { z: "list" };
  if (kind === "map") return { z: "map" };
  const base = field.type;
  if (base === "bool") return { z: "bool" };
  return { z: base === "int32" || base === "int64" || base === "float64" ? "int" : "string" };
}

function underlyingKind(facts: Facts, type: FactType): Kind {
  if (typeof type !== "string") return "list" in type ? "list" : "map";
  if (type === "bytes") return "none";
  if (isBaseType(type)) return "scalar";
  if (type === QUANTITY) return "quantity";
  if (type === INT_OR_STRING) return "int-or-string";
  const model = facts.model(type);
  if (model.special) return "none";
  if (model.fields) return "struct";
  return underlyingKind(facts, model.base ?? "string");
}

function compactType(type: FactType): CompactType {
  if (typeof type !== "string") return "list" in type ? { l: compactType(type.list) } : { m: compactType(type.map) };
  return isBaseType(type) ? type : shortName(type);
}
