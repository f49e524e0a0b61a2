import type { Descriptions } from "./descriptions.ts";
import type { FactModel, FactPackage, FactType, Facts } from "./facts.ts";
import { isBaseType, isRequired, lowerCamel, modulePath, pluralCamel, splitModelName } from "./facts.ts";

const BASE_TYPES: Readonly<Record<string, string>> = {
  string: "string",
  bool: "boolean",
  int32: "number",
  int64: "number",
  float64: "number",
  bytes: "string",
};

/** JSON forms of the types that have one of their own. */
const SPECIAL_TYPES: Readonly<Record<string, { type: string; doc: string }>> = {
  Quantity: { type: "string", doc: 'A fixed-point number with a suffix, in canonical form: "100m", "1Gi".' },
  IntOrString: { type: "number | string", doc: "A number, or a name or percentage." },
  RawExtension: { type: "unknown", doc: "An object of any kind." },
  Time: { type: "string", doc: "RFC 3339 with seconds, UTC." },
  MicroTime: { type: "string", doc: "RFC 3339 with microseconds, UTC." },
  Duration: { type: "string", doc: 'A duration as Go writes it: "1h2m3s".' },
  FieldsV1: { type: "Record<string, unknown>", doc: "A set of fields, as server-side apply writes it." },
  JSON: { type: "unknown", doc: "Any JSON value." },
  JSONSchemaPropsOrArray: { type: "JSONSchemaProps | JSONSchemaProps[]", doc: "A schema, or a list of them." },
  JSONSchemaPropsOrBool: { type: "JSONSchemaProps | boolean", doc: "A schema, or whether anything is allowed." },
  JSONSchemaPropsOrStringArray: { type: "JSONSchemaProps | string[]", doc: "A schema, or a list of property names." },
};

/** Types without a package of their own among the facts are inlined where they are used. */
const INLINED = new Set(["Quantity", "IntOrString", "RawExtension"]);

/** The TypeScript module of one API package: interfaces and ResourceType constants. */
export function writeTypesModule(facts: Facts, texts: Descriptions, pkg: FactPackage): string {
  const imports = new Map<string, Set<string>>();
  const local = new Set(Object.keys(pkg.types));
  const refer = (type: FactType): string => {
    if (typeof type !== "string") {
      if ("map" in type) return `Record<string, ${refer(type.map)}>`;
      const element = refer(type.list);
      return /[ |]/.test(element) ? `(${element})[]` : `${element}[]`;
    }
    if (isBaseType(type)) return BASE_TYPES[type] ?? fail(`base type ${type}`);
    const name = splitModelName(type);
    if (name.pkg === pkg.package) return name.type;
    if (INLINED.has(name.type) || !facts.packages.some((each) => each.package === name.pkg)) {
      return SPECIAL_TYPES[name.type]?.type ?? "Record<string, never>";
    }
    const path = modulePath(name.pkg);
    const alias = local.has(name.type)
      ? `${name.type} as ${lowerCamel(path.split("/")[0] ?? "")}${name.type}`
      : name.type;
    imports.set(path, (imports.get(path) ?? new Set()).add(alias));
    return alias.split(" as ").at(-1) ?? name.type;
  };
  const body = Object.entries(pkg.types)
    .filter(([name]) => facts.isWireType(`${pkg.package}.${name}`))
    .map(([name, model]) => writeModel(facts, texts, pkg, name, model, refer))
    .join("\n");
  const constants = resourceConstants(facts, pkg);
  const head = [...imports]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, names]) => `import type { ${[...names].toSorted().join(", ")} } from "../${path}.ts";`);
  if (constants) head.unshift('import type { ResourceType } from "@knots/machinery";');
  return ["// Generated from facts; run `npm run generate`.", ...head, "", body, constants].join("\n");
}

function writeModel(
  facts: Facts,
  texts: Descriptions,
  pkg: FactPackage,
  name: string,
  model: FactModel,
  refer: (type: FactType) => string,
): string {
  if (model.special) {
    const special = SPECIAL_TYPES[name] ?? fail(`special type ${name}`);
    return `${comment(special.doc)}export type ${name} = ${special.type};\n`;
  }
  const text = texts.of(pkg.package, name);
  if (model.base !== undefined) {
    const values = (model.values ?? []).map((value) => JSON.stringify(value));
    // Open at the end: a client may meet a value of a newer release.
    const type =
      model.base === "string" && values.length > 0 ? [...values, "(string & {})"].join(" | ") : refer(model.base);
    return `${comment(text.description)}export type ${name} = ${type};\n`;
  }
  const fields = facts.jsonFields(model).map((field) => {
    const fieldName = field.name ?? fail(`field without a name in ${name}`);
    const key = /^[A-Za-z_]\w*$/.test(fieldName) ? fieldName : JSON.stringify(fieldName);
    const doc = comment(text.properties.get(fieldName) ?? "", "  ");
    return `${doc}  ${key}${isRequired(field) ? "" : "?"}: ${refer(field.type)}${field.nullable ? " | null" : ""};\n`;
  });
  return `${comment(text.description)}export interface ${name} {\n${fields.join("")}}\n`;
}

function resourceConstants(facts: Facts, pkg: FactPackage): string {
  const own = facts.resources
    .filter((each) => facts.packageOf(each.group, each.version).package === pkg.package)
    .map((each) => ({ ...each, constant: pluralCamel(each.kind, each.resource) }));
  const aggregated = facts.names.aggregated.filter((each) => each.group === pkg.group && each.version === pkg.version);
  return [...own, ...aggregated]
    .map(({ constant, group, version, resource, kind, namespaced }) => {
      const value = JSON.stringify({ group, version, resource, kind, namespaced });
      return `export const ${constant}: ResourceType<${kind}> = ${value};\n`;
    })
    .join("");
}

function comment(text: string, indent = ""): string {
  if (!text) return "";
  const lines = text.replaceAll("*/", "*\\/").split("\n");
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
}

function fail(what: string): never {
  throw new Error(`facts cannot be written as TypeScript: ${what}`);
}
