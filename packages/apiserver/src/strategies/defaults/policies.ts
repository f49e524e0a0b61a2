import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "@knots/api/admissionregistration/v1";
import type { CustomResourceDefinition } from "@knots/api/apiextensions/v1";
import type { APIService } from "@knots/api/apiregistration/v1";
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import type { ClusterRoleBinding, RoleBinding } from "@knots/api/rbac/v1";
import type { DeviceClaim, ResourceClaim, ResourceClaimTemplate } from "@knots/api/resource/v1";
import type { PriorityClass } from "@knots/api/scheduling/v1";
import type { CSIDriver, StorageClass } from "@knots/api/storage/v1";

const RBAC_GROUP = "rbac.authorization.k8s.io";

/** Users and groups belong to RBAC's group, service accounts to the core group. */
export function defaultRoleBinding(binding: RoleBinding | ClusterRoleBinding): void {
  if (binding.roleRef) binding.roleRef.apiGroup ||= RBAC_GROUP;
  for (const subject of binding.subjects ?? []) {
    if (!subject.apiGroup && (subject.kind === "User" || subject.kind === "Group")) subject.apiGroup = RBAC_GROUP;
  }
}

function defaultRules(rules: RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= "*";
}

export function defaultWebhookConfiguration(
  configuration: MutatingWebhookConfiguration | ValidatingWebhookConfiguration,
): void {
  for (const webhook of configuration.webhooks ?? []) {
    webhook.failurePolicy ??= "Fail";
    webhook.matchPolicy ??= "Equivalent";
    webhook.namespaceSelector ??= {};
    webhook.objectSelector ??= {};
    webhook.timeoutSeconds ??= 10;
    if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
    defaultRules(webhook.rules);
  }
}

export function defaultMutatingWebhookConfiguration(configuration: MutatingWebhookConfiguration): void {
  defaultWebhookConfiguration(configuration);
  for (const webhook of configuration.webhooks ?? []) webhook.reinvocationPolicy ??= "Never";
}

function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= "Equivalent";
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

export function defaultAdmissionPolicy(policy: ValidatingAdmissionPolicy | MutatingAdmissionPolicy): void {
  if (!policy.spec) return;
  policy.spec.failurePolicy ??= "Fail";
  defaultMatchResources(policy.spec.matchConstraints);
}

export function defaultAdmissionPolicyBinding(
  binding: ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding,
): void {
  defaultMatchResources(binding.spec?.matchResources);
}

export function defaultCustomResourceDefinition(crd: CustomResourceDefinition): void {
  const spec = crd.spec;
  if (!spec) return;
  if (spec.names) {
    spec.names.singular ||= spec.names.kind?.toLowerCase() ?? "";
    spec.names.listKind ||= spec.names.kind ? `${spec.names.kind}List` : "";
  }
  spec.conversion ??= { strategy: "None" };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= 443;
}

export function defaultAPIService(apiService: APIService): void {
  if (apiService.spec?.service) apiService.spec.service.port ??= 443;
}

export function defaultPriorityClass(priorityClass: PriorityClass): void {
  priorityClass.preemptionPolicy ??= "PreemptLowerPriority";
}

export function defaultStorageClass(storageClass: StorageClass): void {
  storageClass.reclaimPolicy ??= "Delete";
  storageClass.volumeBindingMode ??= "Immediate";
}

export function defaultCSIDriver(driver: CSIDriver): void {
  const spec = driver.spec;
  if (!spec) return;
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ["Persistent"];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

export function defaultFlowSchema(schema: FlowSchema): void {
  if (schema.spec && !schema.spec.matchingPrecedence) schema.spec.matchingPrecedence = 1000;
}

export function defaultPriorityLevelConfiguration(configuration: PriorityLevelConfiguration): void {
  const limited = configuration.spec?.limited;
  if (configuration.spec?.exempt) {
    configuration.spec.exempt.nominalConcurrencyShares ??= 0;
    configuration.spec.exempt.lendablePercent ??= 0;
  }
  if (!limited) return;
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const queuing = limited.limitResponse?.queuing;
  if (queuing) {
    queuing.handSize ||= 8;
    queuing.queues ||= 64;
    queuing.queueLengthLimit ||= 50;
  }
}

function defaultDeviceClaim(devices: DeviceClaim | undefined): void {
  for (const request of devices?.requests ?? []) {
    const requests = [...(request.exactly ? [request.exactly] : []), ...(request.firstAvailable ?? [])];
    for (const each of requests) {
      each.allocationMode ||= "ExactCount";
      if (each.allocationMode === "ExactCount") each.count ||= 1;
      for (const toleration of each.tolerations ?? []) toleration.operator ||= "Equal";
    }
  }
}

export function defaultResourceClaim(claim: ResourceClaim): void {
  defaultDeviceClaim(claim.spec?.devices);
}

export function defaultResourceClaimTemplate(template: ResourceClaimTemplate): void {
  defaultDeviceClaim(template.spec?.spec?.devices);
}
