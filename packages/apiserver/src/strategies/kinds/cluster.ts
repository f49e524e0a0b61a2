import { addAll } from "@knots/machinery";
import type { LimitRange, Namespace, ResourceQuota } from "@knots/api/core/v1";
import { randomUUID } from "node:crypto";
import { keep, metadataFor } from "../default-strategy.ts";
import { defaultLimitRange } from "../defaults/services.ts";
import { FieldPath, duplicate, invalid } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { validateLimits } from "../validation/limit-range.ts";
import { validateFinalizerName } from "../validation/metadata.ts";
import { IMMUTABLE } from "../validation/names.ts";
import { validateQuotaSpec, validateQuotaStatus } from "../validation/quota.ts";

const SPEC = FieldPath.root("spec");
const KUBERNETES_FINALIZER = "kubernetes";
const NAME_LABEL = "kubernetes.io/metadata.name";

function labelWithName(namespace: Namespace): void {
  const name = namespace.metadata?.name;
  if (!name || !namespace.metadata) return;
  namespace.metadata.labels = { ...namespace.metadata.labels, [NAME_LABEL]: name };
}

const FINALIZERS = SPEC.child("finalizers");

/** Whoever empties a namespace says whose they are; which one is at fault only /finalize says. */
function validateFinalizers({ spec }: Namespace, at: (index: number) => FieldPath): FieldError[] {
  return (spec?.finalizers ?? []).flatMap((finalizer, index) => validateFinalizerName(finalizer, at(index)));
}

export const namespaceStrategy: Strategy<Namespace> = {
  defaults(namespace) {
    namespace.status ??= {};
    namespace.status.phase ||= "Active";
    labelWithName(namespace);
  },
  prepareForCreate(namespace) {
    namespace.status = { phase: "Active" };
    // The namespace controller empties the namespace before it takes this away.
    const finalizers = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes(KUBERNETES_FINALIZER)) {
      namespace.spec = { ...namespace.spec, finalizers: [...finalizers, KUBERNETES_FINALIZER] };
    }
  },
  prepareForUpdate(next, old) {
    if (old.spec?.finalizers) next.spec = { ...next.spec, finalizers: old.spec.finalizers };
    else if (next.spec) delete next.spec.finalizers;
    keep(next, old, "status");
  },
  validate: (namespace) => validateFinalizers(namespace, () => FINALIZERS),
  validateUpdate: (namespace) => validateFinalizers(namespace, () => FINALIZERS),
  fieldLabels: (namespace) => ({ "status.phase": namespace.status?.phase ?? "" }),
  subresources: {
    status: {
      validateUpdate(next) {
        const phase = next.status?.phase;
        const terminating = next.metadata?.deletionTimestamp !== undefined;
        if (terminating ? phase === "Terminating" : phase === "Active") return [];
        const why = terminating
          ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
          : "may only be 'Active' if `deletionTimestamp` is empty";
        return [invalid(FieldPath.root("status").child("Phase"), phase ?? "", why)];
      },
    },
    finalize: {
      prepareForUpdate(next, old) {
        keep(next, old, "status");
      },
      validateUpdate: (namespace) => validateFinalizers(namespace, (index) => FINALIZERS.index(index)),
    },
  },
};

function validateLimitRange(range: LimitRange): FieldError[] {
  const errors: FieldError[] = [];
  const types = new Set<string>();
  range.spec?.limits?.forEach((item, index) => {
    const at = SPEC.child("limits").index(index);
    if (types.has(item.type)) errors.push(duplicate(at.child("type"), item.type));
    types.add(item.type);
    addAll(errors, validateLimits(item, at));
  });
  return errors;
}

export const limitRangeStrategy: Strategy<LimitRange> = {
  allowCreateOnUpdate: true,
  defaults: defaultLimitRange,
  prepareForCreate(range) {
    const meta = metadataFor(range);
    if (!meta.name && !meta.generateName) meta.name = randomUUID();
  },
  validate: validateLimitRange,
  validateUpdate: validateLimitRange,
};

export const resourceQuotaStrategy: Strategy<ResourceQuota> = {
  validate: (quota) => validateQuotaSpec(quota.spec, SPEC),
  validateUpdate(next, old) {
    const errors = validateQuotaSpec(next.spec, SPEC);
    const [scopes, before] = [next.spec?.scopes ?? [], new Set<string>(old.spec?.scopes)];
    // As sets: neither order nor repetition is a change.
    if (new Set(scopes).size !== before.size || !scopes.every((scope) => before.has(scope)))
      errors.push(invalid(SPEC.child("scopes"), next.spec?.scopes ?? null, IMMUTABLE));
    return errors;
  },
  subresources: {
    status: { validateUpdate: ({ status }) => validateQuotaStatus(status, FieldPath.root("status")) },
  },
};
