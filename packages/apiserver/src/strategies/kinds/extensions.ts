import type { CustomResourceDefinition } from "@knots/api/apiextensions/v1";
import type { APIService } from "@knots/api/apiregistration/v1";
import { isDNS1123Subdomain } from "@knots/machinery";
import { validateDefinition } from "../../crd/validate-definition.ts";
import { defaultAPIService, defaultCustomResourceDefinition } from "../defaults/policies.ts";
import { FieldPath, invalid, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { immutable } from "../validation/metadata.ts";

const SPEC = FieldPath.root("spec");

export const customResourceDefinitionStrategy: Strategy<CustomResourceDefinition> = {
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
  validateUpdate(next, old) {
    const errors = validateDefinition(next, old);
    const established = old.status?.conditions?.some((each) => each.type === "Established" && each.status === "True");
    immutable(next.spec?.group, old.spec?.group, SPEC.child("group"), errors);
    immutable(next.spec?.names?.plural, old.spec?.names?.plural, SPEC.child("names").child("plural"), errors);
    if (established) {
      immutable(next.spec?.scope, old.spec?.scope, SPEC.child("scope"), errors);
      immutable(next.spec?.names?.kind, old.spec?.names?.kind, SPEC.child("names").child("kind"), errors);
    }
    const names = new Set(next.spec?.versions?.map((version) => version.name));
    old.status?.storedVersions?.forEach((version, index) => {
      if (names.has(version)) return;
      const at = FieldPath.root("status").child("storedVersions").index(index);
      errors.push(invalid(at, version, "must appear in spec.versions"));
    });
    return errors;
  },
};

function validateAPIService(apiService: APIService): FieldError[] {
  const errors: FieldError[] = [];
  const spec = apiService.spec;
  const expected = `${spec?.version ?? ""}.${spec?.group ?? ""}`;
  const name = apiService.metadata?.name ?? "";
  const shown = spec?.group ? expected : `${spec?.version ?? ""}.`;
  if (name !== shown) {
    const why = 'must be `spec.version+"."+spec.group`: `' + shown + "`";
    errors.push(invalid(FieldPath.root("metadata").child("name"), name, why));
  }
  for (const message of spec?.group ? isDNS1123Subdomain(spec.group) : []) {
    errors.push(invalid(SPEC.child("group"), spec?.group ?? "", message));
  }
  if (!spec?.version) errors.push(required(SPEC.child("version"), ""));
  for (const field of ["groupPriorityMinimum", "versionPriority"] as const) {
    const max = field === "versionPriority" ? 1000 : 20_000;
    const value = spec?.[field] ?? 0;
    if (value <= 0 || value > max)
      errors.push(invalid(SPEC.child(field), value, `must be positive and less than ${max}`));
  }
  if (spec?.service) {
    if (!spec.service.name) errors.push(required(SPEC.child("service").child("name"), ""));
    if (!spec.service.namespace) errors.push(required(SPEC.child("service").child("namespace"), ""));
    if (spec.insecureSkipTLSVerify && spec.caBundle) {
      errors.push(invalid(SPEC.child("insecureSkipTLSVerify"), true, "may not be true if caBundle is present"));
    }
  } else {
    if (spec?.caBundle) errors.push(invalid(SPEC.child("caBundle"), "", "local APIServices may not have a caBundle"));
    if (spec?.insecureSkipTLSVerify) {
      errors.push(
        invalid(SPEC.child("insecureSkipTLSVerify"), true, "local APIServices may not have insecureSkipTLSVerify"),
      );
    }
  }
  return errors;
}

export const apiServiceStrategy: Strategy<APIService> = {
  defaults: defaultAPIService,
  validate: validateAPIService,
  validateUpdate: validateAPIService,
};
