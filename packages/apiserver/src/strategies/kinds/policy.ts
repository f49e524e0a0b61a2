import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "@knots/api/admissionregistration/v1";
import type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1 } from "@knots/api/autoscaling/v1";
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec } from "@knots/api/autoscaling/v2";
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import type { PodDisruptionBudget } from "@knots/api/policy/v1";
import type { PriorityClass } from "@knots/api/scheduling/v1";
import {
  defaultAdmissionPolicy,
  defaultAdmissionPolicyBinding,
  defaultFlowSchema,
  defaultMutatingWebhookConfiguration,
  defaultPriorityClass,
  defaultPriorityLevelConfiguration,
  defaultWebhookConfiguration,
} from "../defaults/policies.ts";
import { defaultHorizontalPodAutoscaler, defaultHorizontalPodAutoscalerV1 } from "../defaults/workloads.ts";
import { STATUS_WITHOUT_METADATA } from "../default-strategy.ts";
import { FieldPath, forbidden, invalid, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { staticNameWarnings } from "../warnings/kinds.ts";
import { validateFlowControlStatus, validateFlowSchema, validatePriorityLevel } from "../validation/flow-control.ts";
import {
  validateMutatingBinding,
  validateMutatingPolicy,
  validateValidatingBinding,
  validateValidatingPolicy,
} from "../validation/admission-policies.ts";
import { validateAutoscalerSpec } from "../validation/autoscaler.ts";
import { validateConditions } from "../validation/conditions.ts";
import { isSound, validateLabelSelector } from "../validation/label-selector.ts";
import { immutable } from "../validation/metadata.ts";
import { intOrPercent, nonNegativeFields, notMoreThan100Percent, oneOf, supported } from "../validation/numbers.ts";
import { validateWebhooks } from "../validation/webhooks.ts";

const SPEC = FieldPath.root("spec");

function validateBudget(budget: PodDisruptionBudget, old?: PodDisruptionBudget): FieldError[] {
  const errors: FieldError[] = [];
  const spec = budget.spec ?? {};
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    // Under the names that its fields have inside upstream.
    const shown = {
      MinAvailable: spec.minAvailable,
      Selector: spec.selector ?? null,
      MaxUnavailable: spec.maxUnavailable,
      UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
    };
    errors.push(invalid(SPEC, shown, "minAvailable and maxUnavailable cannot be both set"));
  }
  for (const field of ["minAvailable", "maxUnavailable"] as const) {
    intOrPercent(spec[field], SPEC.child(field), errors);
    notMoreThan100Percent(spec[field], SPEC.child(field), errors);
  }
  const anyValues = !isSound(old?.spec?.selector);
  validateLabelSelector(spec.selector, SPEC.child("selector"), errors, { anyValues });
  const policies = ["AlwaysAllow", "IfHealthyBudget"];
  supported(spec.unhealthyPodEvictionPolicy, policies, SPEC.child("unhealthyPodEvictionPolicy"), errors);
  return errors;
}

export const podDisruptionBudgetStrategy: Strategy<PodDisruptionBudget> = {
  allowUnconditionalUpdate: false,
  validate: (budget) => validateBudget(budget),
  validateUpdate: validateBudget,
  subresources: {
    status: {
      validateUpdate({ status }) {
        const errors: FieldError[] = [];
        const path = FieldPath.root("status");
        validateConditions(status?.conditions, path.child("conditions"), errors);
        const counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;
        nonNegativeFields(status, counts, path, errors);
        return errors;
      },
    },
  },
};

const HIGHEST_USER_PRIORITY = 1_000_000_000;

/** The classes that every cluster has: they can be made again, just as they are, and not be deleted. */
export const SYSTEM_PRIORITY_CLASSES: readonly {
  readonly name: string;
  readonly value: number;
  readonly description: string;
}[] = [
  {
    name: "system-node-critical",
    value: 2_000_001_000,
    description: "Used for system critical pods that must not be moved from their current node.",
  },
  {
    name: "system-cluster-critical",
    value: 2_000_000_000,
    description:
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  },
];

/** Why a class whose name begins with system- is none of the system's. */
function systemClassProblem({ metadata, value = 0, globalDefault = false }: PriorityClass): string | undefined {
  const name = metadata?.name ?? "";
  const known = SYSTEM_PRIORITY_CLASSES.find((each) => each.name === name);
  if (known === undefined) return `${name} is not a known system priority class`;
  if (known.value !== value) return `value of ${name} PriorityClass must be ${known.value}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export const priorityClassStrategy: Strategy<PriorityClass> = {
  defaults: defaultPriorityClass,
  validate(priorityClass) {
    const errors: FieldError[] = [];
    const name = priorityClass.metadata?.name ?? "";
    const system = name.startsWith("system-");
    const problem = system ? systemClassProblem(priorityClass) : undefined;
    if (problem !== undefined) {
      const why = `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`;
      errors.push(forbidden(FieldPath.root("metadata").child("name"), why));
    }
    if (!system && (priorityClass.value ?? 0) > HIGHEST_USER_PRIORITY) {
      errors.push(
        forbidden(
          FieldPath.root("value"),
          `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`,
        ),
      );
    }
    if (priorityClass.preemptionPolicy !== undefined) {
      oneOf(
        priorityClass.preemptionPolicy,
        ["PreemptLowerPriority", "Never"],
        FieldPath.root("preemptionPolicy"),
        errors,
      );
    }
    return errors;
  },
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    if ((next.value ?? 0) !== (old.value ?? 0)) {
      errors.push(forbidden(FieldPath.root("value"), "may not be changed in an update."));
    }
    immutable(next.preemptionPolicy, old.preemptionPolicy, FieldPath.root("preemptionPolicy"), errors);
    return errors;
  },
  undeletable: (name) =>
    SYSTEM_PRIORITY_CLASSES.some((each) => each.name === name)
      ? "this is a system priority class and cannot be deleted"
      : undefined,
};

/** Both versions: what is stored, and so checked, is v2. */
const autoscalerRules: Pick<Strategy<HorizontalPodAutoscaler>, "validate" | "validateUpdate" | "subresources"> = {
  validate(autoscaler) {
    const errors: FieldError[] = [];
    validateAutoscalerSpec(specOf(autoscaler), undefined, SPEC, errors);
    return errors;
  },
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    validateAutoscalerSpec(specOf(next), specOf(old), SPEC, errors);
    return errors;
  },
  subresources: {
    status: {
      validateUpdate({ status }) {
        const errors: FieldError[] = [];
        nonNegativeFields(status, ["currentReplicas", "desiredReplicas"], FieldPath.root("status"), errors);
        return errors;
      },
    },
  },
};

/** An autoscaler without a spec fails for what it lacks. */
const specOf = ({ spec }: HorizontalPodAutoscaler): HorizontalPodAutoscalerSpec =>
  spec ?? { scaleTargetRef: { kind: "", name: "" }, maxReplicas: 0 };

export const horizontalPodAutoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  ...autoscalerRules,
  defaults: defaultHorizontalPodAutoscaler,
};

export const horizontalPodAutoscalerV1Strategy: Strategy<HorizontalPodAutoscalerV1> = {
  defaults: defaultHorizontalPodAutoscalerV1,
};

export const validatingWebhookStrategy: Strategy<ValidatingWebhookConfiguration> = {
  allowUnconditionalUpdate: false,
  defaults: defaultWebhookConfiguration,
  validate: (configuration) => validateWebhooks(configuration),
  validateUpdate: validateWebhooks,
  warnings: staticNameWarnings,
};

export const mutatingWebhookStrategy: Strategy<MutatingWebhookConfiguration> = {
  allowUnconditionalUpdate: false,
  defaults: defaultMutatingWebhookConfiguration,
  validate: (configuration) => validateWebhooks(configuration),
  validateUpdate: validateWebhooks,
  warnings: staticNameWarnings,
};

function validatePolicyStatus({ status }: ValidatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const path = FieldPath.root("status");
  for (const [index, { fieldRef, warning }] of (status?.typeChecking?.expressionWarnings ?? []).entries()) {
    const at = path.child("typeChecking").child("expressionWarnings").index(index);
    if (!warning) errors.push(required(at.child("warning"), ""));
    if (fieldRef.trim() === "") errors.push(required(at.child("fieldRef"), ""));
  }
  validateConditions(status?.conditions, path.child("conditions"), errors);
  return errors;
}

export const validatingAdmissionPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  allowUnconditionalUpdate: false,
  defaults: defaultAdmissionPolicy,
  validate: (policy) => validateValidatingPolicy(policy),
  validateUpdate: validateValidatingPolicy,
  warnings: staticNameWarnings,
  subresources: { status: { ...STATUS_WITHOUT_METADATA, validateUpdate: validatePolicyStatus } },
};

export const mutatingAdmissionPolicyStrategy: Strategy<MutatingAdmissionPolicy> = {
  allowUnconditionalUpdate: false,
  defaults: defaultAdmissionPolicy,
  validate: (policy) => validateMutatingPolicy(policy),
  validateUpdate: validateMutatingPolicy,
  warnings: staticNameWarnings,
};

export const validatingAdmissionPolicyBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  allowUnconditionalUpdate: false,
  defaults: defaultAdmissionPolicyBinding,
  validate: validateValidatingBinding,
  validateUpdate: validateValidatingBinding,
  warnings: staticNameWarnings,
};

export const mutatingAdmissionPolicyBindingStrategy: Strategy<MutatingAdmissionPolicyBinding> = {
  allowUnconditionalUpdate: false,
  defaults: defaultAdmissionPolicyBinding,
  validate: validateMutatingBinding,
  validateUpdate: validateMutatingBinding,
  warnings: staticNameWarnings,
};

export const flowSchemaStrategy: Strategy<FlowSchema> = {
  defaults: defaultFlowSchema,
  validate: validateFlowSchema,
  validateUpdate: validateFlowSchema,
  subresources: { status: { ...STATUS_WITHOUT_METADATA, validateUpdate: validateFlowControlStatus } },
};

export const priorityLevelStrategy: Strategy<PriorityLevelConfiguration> = {
  defaults: defaultPriorityLevelConfiguration,
  validate: validatePriorityLevel,
  validateUpdate: validatePriorityLevel,
  subresources: { status: { ...STATUS_WITHOUT_METADATA, validateUpdate: validateFlowControlStatus } },
};
