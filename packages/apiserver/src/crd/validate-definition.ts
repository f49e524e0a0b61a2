import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from "@knots/api/apiextensions/v1";
import { addAll, FieldPath, invalid, isDNS1035Label, isDNS1123Subdomain, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { deepEqual } from "../registry/metadata.ts";
import { semanticEqual } from "../strategies/equality.ts";
import { validateConversion } from "../strategies/validation/conversion.ts";
import { immutable } from "../strategies/validation/metadata.ts";
import { oneOf } from "../strategies/validation/numbers.ts";
import { approvalErrors } from "./api-approval.ts";
import { checkDefaults } from "./check-defaults.ts";
import { checkSchema } from "./check-schema.ts";
import { checkColumns, checkSelectable, checkSubresources } from "./check-version.ts";
import { checkRules } from "./rules/check-rules.ts";

const SPEC = FieldPath.root("spec");
const STATUS = FieldPath.root("status");

/** All that may be wrong with a definition; `old` is its state before, on update. In upstream's order. */
export function validateDefinition(crd: CustomResourceDefinition, old?: CustomResourceDefinition): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = crd;
  const { name = "", generateName = "" } = crd.metadata ?? {};
  const expected = `${spec.names.plural}.${spec.group}`;
  for (const [field, value] of Object.entries({ generateName, name }))
    if (value !== "" && value !== expected && old === undefined)
      errors.push(invalid(FieldPath.root("metadata").child(field), value, 'must be spec.names.plural+"."+spec.group'));
  validateSpec(crd, old, errors);
  if (old !== undefined) checkImmutable(crd, old, errors);
  checkNames(crd.status?.acceptedNames, STATUS.child("acceptedNames"), errors);
  checkStoredVersions(crd, errors);
  addAll(errors, approvalErrors(crd, old));
  if (spec.preserveUnknownFields === true && old?.spec.preserveUnknownFields !== true) {
    const why =
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
    errors.push(invalid(SPEC.child("preserveUnknownFields"), true, why));
  }
  return errors;
}

/** What /status may say. */
export function validateDefinitionStatus({ status }: CustomResourceDefinition): FieldError[] {
  const errors: FieldError[] = [];
  checkNames(status?.acceptedNames, STATUS.child("acceptedNames"), errors);
  return errors;
}

function validateSpec(
  { spec }: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  errors: FieldError[],
): void {
  const versions = spec.versions ?? [];
  const before = new Map((old?.spec.versions ?? []).map((version) => [version.name, version]));
  checkGroup(spec.group, errors);
  oneOf(spec.scope, ["Cluster", "Namespaced"], SPEC.child("scope"), errors);
  const shared = sharedBy(versions);
  checkVersions(versions, shared, before, errors);
  for (const field of ["plural", "singular", "kind", "listKind"] as const)
    if (!spec.names[field]) errors.push(required(SPEC.child("names").child(field), ""));
  checkNames(spec.names, SPEC.child("names"), errors);
  const [first] = versions;
  if (first !== undefined) checkParts(first, shared, true, before.get(first.name), SPEC, errors);
  const known = new Set(old?.spec.conversion?.webhook?.conversionReviewVersions);
  const unknownBefore = known.size > 0 && !known.has("v1") && !known.has("v1beta1");
  validateConversion(spec.conversion, SPEC.child("conversion"), errors, !unknownBefore);
}

function checkGroup(group: string, errors: FieldError[]): void {
  const at = SPEC.child("group");
  if (group === "") return void errors.push(required(at, ""));
  const problems = isDNS1123Subdomain(group);
  if (problems.length > 0) errors.push(invalid(at, group, problems.join(",")));
  else if (!group.includes(".")) errors.push(invalid(at, group, "should be a domain with at least one dot"));
}

/** Of what versions have, the parts that are one and the same in all: older clients wrote those but once. */
interface Shared {
  readonly schema: boolean;
  readonly subresources: boolean;
  readonly columns: boolean;
  readonly selectable: boolean;
}

function sharedBy(versions: readonly CustomResourceDefinitionVersion[]): Shared {
  const same = (part: (version: CustomResourceDefinitionVersion) => unknown): boolean =>
    versions.every((version) => semanticEqual(part(version), versions[0] && part(versions[0])));
  const schema = same((version) => version.schema);
  return {
    schema,
    subresources: same((version) => version.subresources),
    columns: same((version) => version.additionalPrinterColumns),
    selectable: schema && same((version) => version.selectableFields),
  };
}

/** Those parts that all versions share, or those that they do not. */
function checkParts(
  version: CustomResourceDefinitionVersion,
  shared: Shared,
  which: boolean,
  before: CustomResourceDefinitionVersion | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const schema = version.schema?.openAPIV3Schema;
  if (shared.schema === which && schema !== undefined) {
    const at = path.child(which ? "validation" : "schema").child("openAPIV3Schema");
    addAll(errors, errorsOf(schema, at, deepEqual(schema, before?.schema?.openAPIV3Schema)));
  }
  if (shared.subresources === which) checkSubresources(version.subresources, path.child("subresources"), errors);
  if (shared.columns === which)
    checkColumns(version.additionalPrinterColumns, path.child("additionalPrinterColumns"), errors);
  if (shared.selectable === which)
    checkSelectable(version.selectableFields, schema, path.child("selectableFields"), errors);
}

function checkVersions(
  versions: readonly CustomResourceDefinitionVersion[],
  shared: Shared,
  before: ReadonlyMap<string, CustomResourceDefinitionVersion>,
  errors: FieldError[],
): void {
  const at = SPEC.child("versions");
  for (const [i, version] of versions.entries())
    if (version.schema?.openAPIV3Schema === undefined)
      errors.push(required(at.index(i).child("schema").child("openAPIV3Schema"), "schemas are required"));
  for (const [i, version] of versions.entries()) {
    const path = at.index(i);
    const problems = isDNS1035Label(version.name);
    if (problems.length > 0) errors.push(invalid(path.child("name"), version.name, problems.join(",")));
    for (const why of deprecationProblems(version))
      errors.push(invalid(path.child("deprecationWarning"), version.deprecationWarning, why));
    checkParts(version, shared, false, before.get(version.name), path, errors);
  }
  if (new Set(versions.map(({ name }) => name)).size !== versions.length)
    errors.push(invalid(at, versions, "must contain unique version names"));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(invalid(at, versions, "must have exactly one version marked as storage version"));
}

const MAX_WARNING = 256;

function deprecationProblems({ deprecated, deprecationWarning: text }: CustomResourceDefinitionVersion): string[] {
  if (text === undefined) return [];
  if (deprecated !== true) return ["can only be set for deprecated versions"];
  const problems: string[] = [];
  if (Buffer.byteLength(text) > MAX_WARNING) problems.push(`must be <= ${MAX_WARNING} characters long`);
  if (text === "") problems.push("must not be an empty string");
  // Printable as Go has it: letters, marks, numbers, punctuation, symbols, and the space itself.
  const bad = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(text)?.index;
  if (bad !== undefined) {
    const index = Buffer.byteLength(text.slice(0, bad));
    problems.push(`must only contain printable UTF-8 characters; non-printable character found at index ${index}`);
  }
  return problems;
}

/** What names look like, those that are wanted and those that are accepted. */
function checkNames(names: CustomResourceDefinitionNames | undefined, path: FieldPath, errors: FieldError[]): void {
  if (names === undefined) return;
  const { shortNames = [], categories = [] } = names;
  const check = (value: string, at: FieldPath, mixed: boolean): void => {
    const problems = value === "" ? [] : isDNS1035Label(mixed ? value.toLowerCase() : value);
    const intro = mixed ? "may have mixed case, but should otherwise match: " : "";
    if (problems.length > 0) errors.push(invalid(at, value, intro + problems.join(",")));
  };
  check(names.plural, path.child("plural"), false);
  check(names.singular ?? "", path.child("singular"), false);
  check(names.kind, path.child("kind"), true);
  check(names.listKind ?? "", path.child("listKind"), true);
  for (const [i, name] of shortNames.entries()) check(name, path.child("shortNames").index(i), false);
  if (names.kind !== "" && names.kind === names.listKind)
    errors.push(invalid(path.child("listKind"), names.listKind, "kind and listKind may not be the same"));
  for (const [i, name] of categories.entries()) check(name, path.child("categories").index(i), false);
}

function checkImmutable(next: CustomResourceDefinition, old: CustomResourceDefinition, errors: FieldError[]): void {
  const established = old.status?.conditions?.some((each) => each.type === "Established" && each.status === "True");
  const names = SPEC.child("names");
  if (established === true) {
    immutable(next.spec.scope, old.spec.scope, SPEC.child("scope"), errors);
    immutable(next.spec.names.kind, old.spec.names.kind, names.child("kind"), errors);
  }
  immutable(next.spec.group, old.spec.group, SPEC.child("group"), errors);
  immutable(next.spec.names.plural, old.spec.names.plural, names.child("plural"), errors);
}

/** Objects may be stored in every version that once was the one for it. */
function checkStoredVersions({ spec, status }: CustomResourceDefinition, errors: FieldError[]): void {
  const at = STATUS.child("storedVersions");
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) return void errors.push(invalid(at, stored, "must have at least one stored version"));
  const versions = spec.versions ?? [];
  for (const { name, storage } of versions)
    if (storage && !stored.includes(name)) errors.push(invalid(at, stored, `must have the storage version ${name}`));
  const names = new Set(versions.map(({ name }) => name));
  for (const [index, version] of stored.entries()) {
    if (names.has(version)) continue;
    const why = `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;
    errors.push(invalid(at.index(index), version, why));
  }
}

/** Rules and defaults are looked at only in a schema that is sound: what they would say otherwise helps nobody. */
function errorsOf(schema: JSONSchemaProps, path: FieldPath, unchanged: boolean): FieldError[] {
  const errors = checkSchema(schema, path);
  if (errors.length > 0) return errors;
  const rules = checkRules(schema, path, { ignoreCosts: unchanged });
  return rules.length > 0 ? rules : checkDefaults(schema, path);
}
