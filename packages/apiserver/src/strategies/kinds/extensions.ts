import type { CustomResourceDefinition } from "@knots/api/apiextensions/v1";
import type { APIService } from "@knots/api/apiregistration/v1";
import { isDNS1035Label, isDNS1123Subdomain } from "@knots/machinery";
import { validateDefinition, validateDefinitionStatus } from "../../crd/validate-definition.ts";
import { STATUS_WITHOUT_METADATA } from "../default-strategy.ts";
import { defaultAPIService, defaultCustomResourceDefinition } from "../defaults/policies.ts";
import { FieldPath, invalid, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { invalidFor, isValidPortNumber, nameIsPathSegment } from "../validation/names.ts";
import { supported } from "../validation/numbers.ts";

const SPEC = FieldPath.root("spec");

export const customResourceDefinitionStrategy: Strategy<CustomResourceDefinition> = {
  allowUnconditionalUpdate: false,
  defaults: defaultCustomResourceDefinition,
  prepareForCreate(crd) {
    const stored = crd.spec?.versions?.find((version) => version.storage)?.name;
    crd.status = { ...crd.status, storedVersions: stored ? [stored] : [] };
  },
  prepareForUpdate(next, old) {
    const stored = next.spec?.versions?.find((version) => version.storage)?.name;
    const before = old.status?.storedVersions ?? [];
    if (stored && !before.includes(stored)) next.status = { ...old.status, storedVersions: [...before, stored] };
  },
  validate: (crd) => validateDefinition(crd),
  validateUpdate: validateDefinition,
  subresources: { status: { ...STATUS_WITHOUT_METADATA, validateUpdate: validateDefinitionStatus } },
};

function validateAPIService(apiService: APIService): FieldError[] {
  const errors: FieldError[] = [];
  const { group = "", version = "", groupPriorityMinimum = 0, versionPriority = 0, ...spec } = apiService.spec ?? {};
  const expected = `${version}.${group}`;
  const name = apiService.metadata?.name ?? "";
  if (name !== "" && nameIsPathSegment(name, false).length === 0 && name !== expected) {
    const why = 'must be `spec.version+"."+spec.group`: ' + JSON.stringify(expected);
    errors.push(invalid(FieldPath.root("metadata").child("name"), name, why));
  }
  if (group === "" && version !== "v1")
    errors.push(required(SPEC.child("group"), "only v1 may have an empty group and it better be legacy kube"));
  if (group !== "") invalidFor(isDNS1123Subdomain(group), group, SPEC.child("group"), errors);
  invalidFor(isDNS1035Label(version), version, SPEC.child("version"), errors);
  for (const [field, value, max] of [
    ["groupPriorityMinimum", groupPriorityMinimum, 20_000],
    ["versionPriority", versionPriority, 1000],
  ] as const)
    if (value <= 0 || value > max)
      errors.push(invalid(SPEC.child(field), value, `must be positive and less than ${max}`));
  validateBackend(spec, errors);
  return errors;
}

/** Where the group's version is served: by a service, or here. */
function validateBackend(
  { service, caBundle = "", insecureSkipTLSVerify = false }: Partial<NonNullable<APIService["spec"]>>,
  errors: FieldError[],
): void {
  const insecure = SPEC.child("insecureSkipTLSVerify");
  const bundle = Buffer.from(caBundle, "base64").length;
  if (!service) {
    const why = "local APIServices may not have a caBundle";
    if (bundle > 0) errors.push(invalid(SPEC.child("caBundle"), `${bundle} bytes`, why));
    if (insecureSkipTLSVerify)
      errors.push(invalid(insecure, true, "local APIServices may not have insecureSkipTLSVerify"));
    return;
  }
  const at = SPEC.child("service");
  for (const field of ["namespace", "name"] as const) if (!service[field]) errors.push(required(at.child(field), ""));
  for (const why of isValidPortNumber(service.port ?? 443))
    errors.push(invalid(at.child("port"), service.port ?? 443, `port is not valid: ${why}`));
  if (insecureSkipTLSVerify && bundle > 0)
    errors.push(invalid(insecure, true, "may not be true if caBundle is present"));
}

const CONDITION_STATUSES = ["True", "False", "Unknown"];

function validateAPIServiceStatus({ status }: APIService): FieldError[] {
  const errors: FieldError[] = [];
  const at = FieldPath.root("status").child("conditions");
  for (const [index, condition] of (status?.conditions ?? []).entries())
    supported(condition.status, CONDITION_STATUSES, at.index(index).child("status"), errors);
  return errors;
}

export const apiServiceStrategy: Strategy<APIService> = {
  allowUnconditionalUpdate: false,
  defaults: defaultAPIService,
  validate: validateAPIService,
  validateUpdate: validateAPIService,
  subresources: { status: { ...STATUS_WITHOUT_METADATA, validateUpdate: validateAPIServiceStatus } },
};
