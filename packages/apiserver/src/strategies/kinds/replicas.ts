import type { Deployment, DeploymentSpec, ReplicaSet } from "@knots/api/apps/v1";
import type { ReplicationController } from "@knots/api/core/v1";
import { withoutFields } from "@knots/machinery/managed-fields/index";
import { defaultDeployment, defaultReplicaSet, defaultReplicationController } from "../defaults/workloads.ts";
import { forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { immutable } from "../validation/metadata.ts";
import { amountOf, intOrPercent, nonNegativeFields, notMoreThan100Percent } from "../validation/numbers.ts";
import { validatePodTemplate } from "../validation/pod-spec.ts";
import { dropDisabledOfTemplate } from "./pod-disabled-fields.ts";
import { SPEC, STATUS, TEMPLATE, emptySpec, notGreater, namedTemplateWarnings, validateWorkload } from "./workloads.ts";

function validateDeploymentSpec(spec: DeploymentSpec, errors: FieldError[], old?: DeploymentSpec): void {
  nonNegativeFields(
    spec,
    ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"],
    SPEC,
    errors,
  );
  validateWorkload(spec, "deployment", errors, old?.template);
  const strategy = spec.strategy ?? {};
  const at = SPEC.child("strategy");
  if (strategy.type === "Recreate") {
    if (strategy.rollingUpdate) {
      errors.push(forbidden(at.child("rollingUpdate"), "may not be specified when strategy `type` is 'Recreate'"));
    }
  } else if (strategy.type === "RollingUpdate") {
    const { maxUnavailable, maxSurge } = strategy.rollingUpdate ?? {};
    const path = at.child("rollingUpdate");
    intOrPercent(maxUnavailable, path.child("maxUnavailable"), errors);
    intOrPercent(maxSurge, path.child("maxSurge"), errors);
    if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
      errors.push(invalid(path.child("maxUnavailable"), maxUnavailable ?? 0, "may not be 0 when `maxSurge` is 0"));
    }
    notMoreThan100Percent(maxUnavailable, path.child("maxUnavailable"), errors);
  } else errors.push(notSupported(at, strategy, ["Recreate", "RollingUpdate"]));
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    errors.push(invalid(SPEC.child("progressDeadlineSeconds"), deadline, "must be greater than minReadySeconds"));
  }
}

const DEPLOYMENT_STATUS = [
  "observedGeneration",
  "replicas",
  "updatedReplicas",
  "readyReplicas",
  "availableReplicas",
] as const;

function validateDeployment(deployment: Deployment, old?: Deployment): FieldError[] {
  const errors: FieldError[] = [];
  validateDeploymentSpec(deployment.spec ?? emptySpec(), errors, old?.spec);
  return errors;
}

export const deploymentStrategy: Strategy<Deployment> = {
  defaults: defaultDeployment,
  prepareForCreate: ({ spec }) => dropDisabledOfTemplate(spec?.template),
  prepareForUpdate: (next, old) => dropDisabledOfTemplate(next.spec?.template, old.spec?.template),
  validate: (deployment) => validateDeployment(deployment),
  validateUpdate(next, old) {
    const errors = validateDeployment(next, old);
    immutable(next.spec?.selector, old.spec?.selector, SPEC.child("selector"), errors);
    return errors;
  },
  warnings: namedTemplateWarnings,
  subresources: {
    status: {
      resetFields: withoutFields(["spec"], ["metadata", "labels"]),
      prepareForUpdate(next, old) {
        if (next.metadata && old.metadata?.labels) next.metadata.labels = old.metadata.labels;
      },
      validateUpdate(next, old) {
        const errors: FieldError[] = [];
        const status = next.status ?? {};
        nonNegativeFields(status, [...DEPLOYMENT_STATUS, "unavailableReplicas"], STATUS, errors);
        notGreater(status, ["updatedReplicas", "readyReplicas", "availableReplicas"], "replicas", errors);
        if ((status.collisionCount ?? 0) < (old.status?.collisionCount ?? 0)) {
          errors.push(invalid(STATUS.child("collisionCount"), status.collisionCount ?? 0, "cannot be decremented"));
        }
        return errors;
      },
    },
  },
};

function validateReplicaSet(set: ReplicaSet, old?: ReplicaSet): FieldError[] {
  const errors: FieldError[] = [];
  const spec = set.spec ?? emptySpec();
  nonNegativeFields(spec as NonNullable<ReplicaSet["spec"]>, ["replicas", "minReadySeconds"], SPEC, errors);
  validateWorkload(spec, "deployment", errors, old?.spec?.template);
  return errors;
}

const REPLICA_STATUS = [
  "replicas",
  "fullyLabeledReplicas",
  "readyReplicas",
  "availableReplicas",
  "observedGeneration",
] as const;

function validateReplicaStatus(status: NonNullable<ReplicaSet["status"]>): FieldError[] {
  const errors: FieldError[] = [];
  nonNegativeFields(status, REPLICA_STATUS, STATUS, errors);
  notGreater(status, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"], "replicas", errors);
  if ((status.availableReplicas ?? 0) > (status.readyReplicas ?? 0)) {
    const at = STATUS.child("availableReplicas");
    errors.push(invalid(at, status.availableReplicas ?? 0, "cannot be greater than readyReplicas"));
  }
  return errors;
}

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  defaults: defaultReplicaSet,
  prepareForCreate: ({ spec }) => dropDisabledOfTemplate(spec?.template),
  prepareForUpdate: (next, old) => dropDisabledOfTemplate(next.spec?.template, old.spec?.template),
  validate: (set) => validateReplicaSet(set),
  validateUpdate(next, old) {
    const errors = validateReplicaSet(next, old);
    immutable(next.spec?.selector, old.spec?.selector, SPEC.child("selector"), errors);
    return errors;
  },
  warnings: namedTemplateWarnings,
  fieldLabels: (set) => ({ "status.replicas": String(set.status?.replicas ?? 0) }),
  subresources: { status: { validateUpdate: (next) => validateReplicaStatus(next.status ?? { replicas: 0 }) } },
};

function validateController(controller: ReplicationController, old?: ReplicationController): FieldError[] {
  const errors: FieldError[] = [];
  const spec = controller.spec ?? {};
  nonNegativeFields(spec, ["replicas", "minReadySeconds"], SPEC, errors);
  const selector = spec.selector ?? {};
  if (Object.keys(selector).length === 0) errors.push(required(SPEC.child("selector"), ""));
  if (!spec.template) {
    errors.push(required(TEMPLATE, ""));
    return errors;
  }
  const labels = spec.template.metadata?.labels ?? {};
  if (Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
    const at = TEMPLATE.child("metadata").child("labels");
    errors.push(invalid(at, labels, "`selector` does not match template `labels`"));
  }
  validatePodTemplate(spec.template, TEMPLATE, errors, old?.spec?.template);
  const policy = spec.template.spec?.restartPolicy;
  if (policy !== "Always") {
    errors.push(notSupported(TEMPLATE.child("spec").child("restartPolicy"), policy ?? "", ["Always"]));
  }
  if (spec.template.spec?.activeDeadlineSeconds !== undefined) {
    const why = "activeDeadlineSeconds in ReplicationController is not Supported";
    errors.push(forbidden(TEMPLATE.child("spec").child("activeDeadlineSeconds"), why));
  }
  return errors;
}

export const replicationControllerStrategy: Strategy<ReplicationController> = {
  defaults: defaultReplicationController,
  prepareForCreate: ({ spec }) => dropDisabledOfTemplate(spec?.template),
  prepareForUpdate: (next, old) => dropDisabledOfTemplate(next.spec?.template, old.spec?.template),
  validate: (controller) => validateController(controller),
  validateUpdate: validateController,
  warnings: namedTemplateWarnings,
  fieldLabels: (controller) => ({ "status.replicas": String(controller.status?.replicas ?? 0) }),
  subresources: { status: { validateUpdate: (next) => validateReplicaStatus(next.status ?? { replicas: 0 }) } },
};
