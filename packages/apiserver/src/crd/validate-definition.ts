import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from "@knots/api/apiextensions/v1";
import { FieldPath, invalid, isDNS1035Label, isDNS1123Subdomain, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { deepEqual } from "../registry/metadata.ts";
import { validateConversion } from "../strategies/validation/conversion.ts";
import { oneOf } from "../strategies/validation/numbers.ts";
import { approvalErrors } from "./api-approval.ts";
import { checkDefaults } from "./check-defaults.ts";
import { checkSchema } from "./check-schema.ts";
import { checkVersionExtras } from "./check-version.ts";
import { checkRules } from "./rules/check-rules.ts";

const SPEC = FieldPath.root("spec");

/** All that may be wrong with a definition; `old` is its state before, on update. */
export function validateDefinition(crd: CustomResourceDefinition, old?: CustomResourceDefinition): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = crd;
  const name = crd.metadata?.name ?? "";
  if (name !== `${spec.names.plural}.${spec.group}`) {
    errors.push(invalid(FieldPath.root("metadata").child("name"), name, 'must be spec.names.plural+"."+spec.group'));
  }
  errors.push(...approvalErrors(crd, old));
  checkGroup(spec.group, errors);
  oneOf(spec.scope, ["Cluster", "Namespaced"], SPEC.child("scope"), errors);
  if (spec.preserveUnknownFields === true) {
    const why =
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
    errors.push(invalid(SPEC.child("preserveUnknownFields"), true, why));
  }
  checkVersions(spec.versions ?? [], errors);
  validateConversion(spec.conversion, SPEC.child("conversion"), errors);
  checkNames(spec.names, SPEC.child("names"), errors);
  errors.push(...schemaErrors(spec.versions ?? [], old?.spec.versions ?? []));
  return errors;
}

function checkGroup(group: string, errors: FieldError[]): void {
  const at = SPEC.child("group");
  if (group === "") {
    errors.push(required(at, ""));
    return;
  }
  for (const message of isDNS1123Subdomain(group)) errors.push(invalid(at, group, message));
  if (!group.includes(".")) errors.push(invalid(at, group, "should be a domain with at least one dot"));
}

function checkVersions(versions: readonly CustomResourceDefinitionVersion[], errors: FieldError[]): void {
  const at = SPEC.child("versions");
  const stored = versions.filter(({ storage }) => storage).length;
  if (stored !== 1) {
    errors.push(invalid(at, versions, "must have exactly one version marked as storage version"));
  }
  if (new Set(versions.map(({ name }) => name)).size !== versions.length) {
    errors.push(invalid(at, versions, "must contain unique version names"));
  }
  versions.forEach((version, i) => {
    const path = at.index(i);
    for (const message of isDNS1035Label(version.name)) errors.push(invalid(path.child("name"), version.name, message));
    if (version.schema?.openAPIV3Schema === undefined) {
      errors.push(required(path.child("schema").child("openAPIV3Schema"), "schemas are required"));
    }
    if (version.deprecationWarning !== undefined && version.deprecated !== true) {
      const why = "can only be set for deprecated versions";
      errors.push(invalid(path.child("deprecationWarning"), version.deprecationWarning, why));
    }
    errors.push(...checkVersionExtras(version, path));
  });
}

function checkNames(names: CustomResourceDefinitionNames, path: FieldPath, errors: FieldError[]): void {
  for (const field of ["plural", "singular", "kind", "listKind"] as const) {
    const value = names[field] ?? "";
    if (value === "") errors.push(required(path.child(field), ""));
    else {
      for (const message of isDNS1035Label(value.toLowerCase())) {
        errors.push(invalid(path.child(field), value, `may have mixed case, but should otherwise match: ${message}`));
      }
    }
  }
  for (const field of ["shortNames", "categories"] as const) {
    names[field]?.forEach((value, i) => {
      for (const message of isDNS1035Label(value)) errors.push(invalid(path.child(field).index(i), value, message));
    });
  }
  if (names.kind !== "" && names.kind === names.listKind) {
    errors.push(invalid(path.child("listKind"), names.listKind, "kind and listKind may not be the same"));
  }
}

/** Versions with one and the same schema have it reported once, where older clients wrote it. */
function schemaErrors(
  versions: readonly CustomResourceDefinitionVersion[],
  before: readonly CustomResourceDefinitionVersion[],
): FieldError[] {
  const first = versions[0]?.schema?.openAPIV3Schema;
  const shared = versions.every(({ schema }) => deepEqual(schema?.openAPIV3Schema, first));
  const one = shared ? versions.slice(0, 1) : versions;
  return one.flatMap((version, i) => {
    const schema = version.schema?.openAPIV3Schema;
    if (schema === undefined) return [];
    const path = shared ? SPEC.child("validation") : SPEC.child("versions").index(i).child("schema");
    const old = before.find(({ name }) => name === version.name)?.schema?.openAPIV3Schema;
    return errorsOf(schema, path.child("openAPIV3Schema"), deepEqual(schema, old));
  });
}

/** Rules and defaults are looked at only in a schema that is sound: what they would say otherwise helps nobody. */
function errorsOf(schema: JSONSchemaProps, path: FieldPath, unchanged: boolean): FieldError[] {
  const errors = checkSchema(schema, path);
  if (errors.length > 0) return errors;
  const rules = checkRules(schema, path, { ignoreCosts: unchanged });
  return rules.length > 0 ? rules : checkDefaults(schema, path);
}
