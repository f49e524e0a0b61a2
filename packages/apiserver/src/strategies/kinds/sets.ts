import type { DaemonSet, DaemonSetSpec, StatefulSet, StatefulSetSpec } from "@knots/api/apps/v1";
import type { PodTemplate } from "@knots/api/core/v1";
import { isDNS1123Label } from "@knots/machinery";
import { metadataFor } from "../default-strategy.ts";
import { defaultPodTemplate } from "../defaults/pod-spec.ts";
import { defaultDaemonSet, defaultStatefulSet } from "../defaults/workloads.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { immutable } from "../validation/metadata.ts";
import {
  amountOf,
  intOrPercent,
  nonNegative,
  nonNegativeFields,
  notMoreThan100Percent,
} from "../validation/numbers.ts";
import { validatePodTemplate } from "../validation/pod-spec.ts";
import { validateClaimSpec } from "../validation/volume-claim.ts";
import { claimSpecWarnings } from "../warnings/pod-volumes.ts";
import { podTemplateWarnings } from "../warnings/pods.ts";
import { dropDisabledOfTemplate } from "./pod-disabled-fields.ts";
import { SPEC, STATUS, emptySpec, notGreater, templateWarnings, validateWorkload } from "./workloads.ts";

function validateStatefulSetSpec(spec: StatefulSetSpec, errors: FieldError[], old?: StatefulSetSpec): void {
  const policy = spec.podManagementPolicy;
  if (policy !== "OrderedReady" && policy !== "Parallel") {
    errors.push(invalid(SPEC.child("podManagementPolicy"), policy ?? "", "must be 'OrderedReady' or 'Parallel'"));
  }
  const strategy = spec.updateStrategy ?? {};
  const at = SPEC.child("updateStrategy");
  if (strategy.type === "OnDelete") {
    if (strategy.rollingUpdate) {
      const why = "only allowed for updateStrategy 'RollingUpdate'";
      errors.push(invalid(at.child("rollingUpdate"), strategy.rollingUpdate, why));
    }
  } else if (strategy.type === "RollingUpdate") {
    const path = at.child("rollingUpdate");
    nonNegative(strategy.rollingUpdate?.partition, path.child("partition"), errors);
    const unavailable = strategy.rollingUpdate?.maxUnavailable;
    intOrPercent(unavailable, path.child("maxUnavailable"), errors);
    if (unavailable !== undefined && amountOf(unavailable) === 0) {
      errors.push(invalid(path.child("maxUnavailable"), unavailable, "cannot be 0"));
    }
    notMoreThan100Percent(unavailable, path.child("maxUnavailable"), errors);
  } else errors.push(invalid(at, strategy, "must be 'RollingUpdate' or 'OnDelete'"));
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const field of ["whenDeleted", "whenScaled"] as const) {
    const value = retention?.[field];
    if (value !== undefined && value !== "Retain" && value !== "Delete") {
      const path = SPEC.child("persistentVolumeClaimRetentionPolicy").child(field);
      errors.push(notSupported(path, value, ["Retain", "Delete"]));
    }
  }
  // Claims are made of templates as they stand: those of a new set must be good, and no update changes them.
  if (old === undefined)
    spec.volumeClaimTemplates?.forEach((claim, index) =>
      validateClaimSpec(claim.spec ?? {}, SPEC.child("volumeClaimTemplates").index(index).child("spec"), errors),
    );
  // Of revisions fewer than none are all of them; it is only warned of.
  nonNegativeFields(spec, ["replicas", "minReadySeconds"], SPEC, errors);
  nonNegative(spec.ordinals?.start, SPEC.child("ordinals").child("start"), errors);
  if (old === undefined && spec.serviceName)
    for (const message of isDNS1123Label(spec.serviceName))
      errors.push(invalid(SPEC.child("serviceName"), spec.serviceName, message));
  validateWorkload(spec, "statefulset", errors, old?.template, true);
}

const STATEFUL_SET_MUTABLE = [
  "replicas",
  "template",
  "updateStrategy",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
  "ordinals",
  "revisionHistoryLimit",
] as const;

export const statefulSetStrategy: Strategy<StatefulSet> = {
  defaults: defaultStatefulSet,
  prepareForCreate: (set) => dropDisabledOfTemplate(set.spec?.template),
  prepareForUpdate: (next, old) => dropDisabledOfTemplate(next.spec?.template, old.spec?.template),
  validate(set) {
    const errors: FieldError[] = [];
    validateStatefulSetSpec(set.spec ?? (emptySpec() as unknown as StatefulSetSpec), errors);
    return errors;
  },
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    const absent = emptySpec() as unknown as StatefulSetSpec;
    validateStatefulSetSpec(next.spec ?? absent, errors, old.spec ?? absent);
    const fixed = (spec: StatefulSetSpec | undefined): object => {
      const rest: Record<string, unknown> = { ...spec };
      for (const field of STATEFUL_SET_MUTABLE) delete rest[field];
      return rest;
    };
    if (!semanticEqual(fixed(next.spec), fixed(old.spec))) {
      const why =
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
      errors.push(forbidden(SPEC, why));
    }
    return errors;
  },
  warnings(set, old) {
    if (old !== undefined && set.metadata?.generation === old.metadata?.generation) return [];
    const { volumeClaimTemplates = [], revisionHistoryLimit = 0 } = set.spec ?? {};
    return [
      ...templateWarnings(set, old),
      ...volumeClaimTemplates.flatMap(({ spec }, index) =>
        claimSpecWarnings(spec, `spec.volumeClaimTemplates[${index}]`),
      ),
      ...(revisionHistoryLimit < 0
        ? ["spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"]
        : []),
    ];
  },
  subresources: {
    status: {
      validateUpdate(next, old) {
        const errors: FieldError[] = [];
        const status = next.status ?? { replicas: 0 };
        const counts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] as const;
        nonNegativeFields(status, ["replicas", ...counts, "observedGeneration", "collisionCount"], STATUS, errors);
        notGreater(status, counts, "replicas", errors);
        const { availableReplicas: available = 0, readyReplicas: ready = 0 } = status;
        if (available > ready) {
          const why = "cannot be greater than status.readyReplicas";
          errors.push(invalid(STATUS.child("availableReplicas"), available, why));
        }
        notDecremented(status.collisionCount, old.status?.collisionCount, errors);
        return errors;
      },
    },
  },
};

/** Names that were taken once are not tried again. */
function notDecremented(next: number | undefined, old: number | undefined, errors: FieldError[]): void {
  if (old !== undefined && (next === undefined || next < old))
    errors.push(invalid(STATUS.child("collisionCount"), next ?? 0, "cannot be decremented"));
}

function validateDaemonSetSpec(spec: DaemonSetSpec, errors: FieldError[], old?: DaemonSetSpec): void {
  validateWorkload(spec, "daemonset", errors, old?.template);
  nonNegativeFields(spec, ["minReadySeconds", "revisionHistoryLimit"], SPEC, errors);
  const strategy = spec.updateStrategy ?? {};
  const at = SPEC.child("updateStrategy");
  if (strategy.type === "OnDelete") return;
  if (strategy.type !== "RollingUpdate")
    return void errors.push(notSupported(at, strategy, ["RollingUpdate", "OnDelete"]));
  const rolling = strategy.rollingUpdate;
  if (!rolling) return void errors.push(required(at.child("rollingUpdate"), ""));
  const path = at.child("rollingUpdate");
  for (const field of ["maxUnavailable", "maxSurge"] as const) {
    intOrPercent(rolling[field], path.child(field), errors);
    notMoreThan100Percent(rolling[field], path.child(field), errors);
  }
  const unavailable = amountOf(rolling.maxUnavailable) !== 0;
  const surge = amountOf(rolling.maxSurge) !== 0;
  if (unavailable && surge) {
    errors.push(
      invalid(path.child("maxSurge"), rolling.maxSurge ?? 0, "may not be set when maxUnavailable is non-zero"),
    );
  }
  if (!unavailable && !surge) {
    errors.push(required(path.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"));
  }
}

function validateDaemonSet(set: DaemonSet, old?: DaemonSet): FieldError[] {
  const errors: FieldError[] = [];
  validateDaemonSetSpec(set.spec ?? emptySpec(), errors, old?.spec);
  return errors;
}

const TEMPLATE_GENERATION = "deprecated.daemonset.template.generation";

/** What was a field before apps/v1: how often the template changed, whatever clients say of it. */
function countTemplates(next: DaemonSet, old?: DaemonSet): void {
  const before = Number(old?.metadata?.annotations?.[TEMPLATE_GENERATION] ?? 1);
  const counts = old !== undefined && !semanticEqual(next.spec?.template, old.spec?.template);
  const generation = old === undefined ? Number(next.metadata?.annotations?.[TEMPLATE_GENERATION] ?? 1) : before;
  const value = String(Math.max(1, generation || 1) + (counts ? 1 : 0));
  metadataFor(next).annotations = { ...next.metadata?.annotations, [TEMPLATE_GENERATION]: value };
}

const DAEMON_STATUS = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
  "collisionCount",
] as const;

export const daemonSetStrategy: Strategy<DaemonSet> = {
  defaults: defaultDaemonSet,
  prepareForCreate(set) {
    dropDisabledOfTemplate(set.spec?.template);
    countTemplates(set);
  },
  prepareForUpdate(next, old) {
    dropDisabledOfTemplate(next.spec?.template, old.spec?.template);
    countTemplates(next, old);
  },
  subresources: {
    status: {
      validateUpdate(next, old) {
        const errors: FieldError[] = [];
        nonNegativeFields(next.status, DAEMON_STATUS, STATUS, errors);
        notDecremented(next.status?.collisionCount, old.status?.collisionCount, errors);
        return errors;
      },
    },
  },
  validate: (set) => validateDaemonSet(set),
  validateUpdate(next, old) {
    const errors = validateDaemonSet(next, old);
    immutable(next.spec?.selector, old.spec?.selector, SPEC.child("selector"), errors);
    return errors;
  },
  warnings: templateWarnings,
};

function validateTemplate(template: PodTemplate, old?: PodTemplate): FieldError[] {
  const errors: FieldError[] = [];
  validatePodTemplate(template.template ?? {}, FieldPath.root("template"), errors, old?.template);
  return errors;
}

export const podTemplateStrategy: Strategy<PodTemplate> = {
  defaults: (template) => defaultPodTemplate(template.template),
  prepareForCreate: ({ template }) => dropDisabledOfTemplate(template),
  prepareForUpdate: (next, old) => dropDisabledOfTemplate(next.template, old.template),
  validate: (template) => validateTemplate(template),
  validateUpdate: validateTemplate,
  warnings: (template, old) =>
    old !== undefined && template.metadata?.generation === old.metadata?.generation
      ? []
      : podTemplateWarnings(template.template, "template"),
};
