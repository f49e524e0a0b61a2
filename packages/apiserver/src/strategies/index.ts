import type { ResourceInfo } from "@knots/api";
import type { KubeObject } from "@knots/machinery";
import { combine } from "./combine.ts";
import { defaultStrategy } from "./default-strategy.ts";
import type { DefaultRules } from "./default-strategy.ts";
import { cronJobStrategy, jobStrategy } from "./kinds/batch.ts";
import { certificateSigningRequestStrategy } from "./kinds/certificates.ts";
import { limitRangeStrategy, namespaceStrategy, resourceQuotaStrategy } from "./kinds/cluster.ts";
import { configMapStrategy, secretStrategy, serviceAccountStrategy } from "./kinds/config.ts";
import * as deviceClaims from "./kinds/device-claims.ts";
import { eventStrategy } from "./kinds/events.ts";
import * as extensions from "./kinds/extensions.ts";
import * as endpoints from "./kinds/endpoints.ts";
import * as ingress from "./kinds/ingress.ts";
import { networkPolicyStrategy } from "./kinds/network-policy.ts";
import { nodeStrategy } from "./kinds/node.ts";
import * as others from "./kinds/others.ts";
import { podStrategy } from "./kinds/pod.ts";
import * as policy from "./kinds/policy.ts";
import * as rbac from "./kinds/rbac.ts";
import { serviceStrategy } from "./kinds/service.ts";
import * as storageKinds from "./kinds/storage-kinds.ts";
import * as replicas from "./kinds/replicas.ts";
import * as resourceSlices from "./kinds/resource-slices.ts";
import * as sets from "./kinds/sets.ts";
import { persistentVolumeClaimStrategy } from "./kinds/volume-claims.ts";
import { persistentVolumeStrategy } from "./kinds/volumes.ts";
import type { Strategy } from "./types.ts";
import { nameIsDNSLabel, nameIsPathSegment } from "./validation/names.ts";

export type { Strategy, StrategyContext } from "./types.ts";

interface Entry extends DefaultRules {
  readonly strategy: Strategy;
}

/** A kind's own rules for its own type stand in a table of all kinds; the registry pairs them with their objects. */
function kind<T extends KubeObject>(strategy: Strategy<T>, rules: DefaultRules = {}): Entry {
  return { ...rules, strategy: strategy as unknown as Strategy };
}

const counted = { generation: true } as const;
/** Generation counts changes of these fields, for kinds without a spec. */
const countedBy = (...fields: string[]): DefaultRules => ({
  generation: true,
  generationOf: (obj) => fields.map((field) => (obj as Record<string, unknown>)[field]),
});

/** By group/resource, or group/version/resource where versions differ. */
const KINDS: Readonly<Record<string, Entry>> = {
  "/pods": kind(podStrategy, counted),
  "/podtemplates": kind(sets.podTemplateStrategy, countedBy("template")),
  "/replicationcontrollers": kind(replicas.replicationControllerStrategy, counted),
  // RelaxedServiceNameValidation, on since v1.36: a name may begin with a digit.
  "/services": kind(serviceStrategy, { checkName: nameIsDNSLabel }),
  "/endpoints": kind(endpoints.endpointsStrategy),
  "/configmaps": kind(configMapStrategy),
  "/secrets": kind(secretStrategy),
  "/serviceaccounts": kind(serviceAccountStrategy),
  "/namespaces": kind(namespaceStrategy, { checkName: nameIsDNSLabel }),
  "/nodes": kind(nodeStrategy, { statusOnCreate: true }),
  // Of core/v1 any name that fits into a path is one; events.k8s.io/v1 reads the same objects, and wants more.
  "/events": kind(eventStrategy, { checkName: nameIsPathSegment }),
  "/bindings": kind(others.bindingStrategy),
  "/limitranges": kind(limitRangeStrategy),
  "/resourcequotas": kind(resourceQuotaStrategy),
  "/persistentvolumeclaims": kind(persistentVolumeClaimStrategy),
  "/persistentvolumes": kind(persistentVolumeStrategy),
  "apps/deployments": kind(replicas.deploymentStrategy, counted),
  "apps/replicasets": kind(replicas.replicaSetStrategy, counted),
  "apps/statefulsets": kind(sets.statefulSetStrategy, counted),
  "apps/daemonsets": kind(sets.daemonSetStrategy, counted),
  "apps/controllerrevisions": kind(others.controllerRevisionStrategy),
  "batch/jobs": kind(jobStrategy, counted),
  "batch/cronjobs": kind(cronJobStrategy, counted),
  "autoscaling/v1/horizontalpodautoscalers": kind(policy.horizontalPodAutoscalerV1Strategy),
  "autoscaling/v2/horizontalpodautoscalers": kind(policy.horizontalPodAutoscalerStrategy),
  "policy/poddisruptionbudgets": kind(policy.podDisruptionBudgetStrategy, counted),
  "discovery.k8s.io/endpointslices": kind(
    endpoints.endpointSliceStrategy,
    countedBy("endpoints", "ports", "addressType"),
  ),
  "networking.k8s.io/ingresses": kind(ingress.ingressStrategy, counted),
  "networking.k8s.io/ingressclasses": kind(ingress.ingressClassStrategy, counted),
  "networking.k8s.io/networkpolicies": kind(networkPolicyStrategy, counted),
  "networking.k8s.io/ipaddresses": kind(others.ipAddressStrategy, { checkName: others.nameIsAddress }),
  "networking.k8s.io/servicecidrs": kind(others.serviceCIDRStrategy),
  "rbac.authorization.k8s.io/roles": kind(rbac.roleStrategy, { checkName: nameIsPathSegment }),
  "rbac.authorization.k8s.io/clusterroles": kind(rbac.clusterRoleStrategy, { checkName: nameIsPathSegment }),
  "rbac.authorization.k8s.io/rolebindings": kind(rbac.roleBindingStrategy, { checkName: nameIsPathSegment }),
  "rbac.authorization.k8s.io/clusterrolebindings": kind(rbac.clusterRoleBindingStrategy, {
    checkName: nameIsPathSegment,
  }),
  "storage.k8s.io/storageclasses": kind(storageKinds.storageClassStrategy),
  "storage.k8s.io/csidrivers": kind(storageKinds.csiDriverStrategy, { ...counted, checkName: nameIsPathSegment }),
  "storage.k8s.io/csinodes": kind(storageKinds.csiNodeStrategy),
  "storage.k8s.io/csistoragecapacities": kind(storageKinds.csiStorageCapacityStrategy),
  "storage.k8s.io/volumeattachments": kind(storageKinds.volumeAttachmentStrategy),
  "storage.k8s.io/volumeattributesclasses": kind(storageKinds.volumeAttributesClassStrategy),
  "scheduling.k8s.io/priorityclasses": kind(policy.priorityClassStrategy, countedBy("value")),
  "node.k8s.io/runtimeclasses": kind(others.runtimeClassStrategy),
  "coordination.k8s.io/leases": kind(others.leaseStrategy),
  "certificates.k8s.io/certificatesigningrequests": kind(certificateSigningRequestStrategy, {
    checkName: nameIsPathSegment,
  }),
  "apiextensions.k8s.io/customresourcedefinitions": kind(extensions.customResourceDefinitionStrategy, counted),
  "apiregistration.k8s.io/apiservices": kind(extensions.apiServiceStrategy, { checkName: nameIsPathSegment }),
  "admissionregistration.k8s.io/validatingwebhookconfigurations": kind(
    policy.validatingWebhookStrategy,
    countedBy("webhooks"),
  ),
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": kind(
    policy.mutatingWebhookStrategy,
    countedBy("webhooks"),
  ),
  "admissionregistration.k8s.io/validatingadmissionpolicies": kind(policy.validatingAdmissionPolicyStrategy, counted),
  "admissionregistration.k8s.io/mutatingadmissionpolicies": kind(policy.mutatingAdmissionPolicyStrategy, counted),
  "admissionregistration.k8s.io/validatingadmissionpolicybindings": kind(
    policy.validatingAdmissionPolicyBindingStrategy,
    counted,
  ),
  "admissionregistration.k8s.io/mutatingadmissionpolicybindings": kind(
    policy.mutatingAdmissionPolicyBindingStrategy,
    counted,
  ),
  "flowcontrol.apiserver.k8s.io/flowschemas": kind(policy.flowSchemaStrategy, counted),
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": kind(policy.priorityLevelStrategy, counted),
  "resource.k8s.io/resourceclaims": kind(deviceClaims.resourceClaimStrategy),
  "resource.k8s.io/resourceclaimtemplates": kind(deviceClaims.resourceClaimTemplateStrategy),
  "resource.k8s.io/deviceclasses": kind(deviceClaims.deviceClassStrategy, counted),
  "resource.k8s.io/resourceslices": kind(resourceSlices.resourceSliceStrategy, counted),
};

const built = new WeakMap<ResourceInfo, Strategy>();

/** The rules of a built-in resource: the default ones, with its kind's own on top. Built once per resource. */
export function strategyFor(info: ResourceInfo): Strategy {
  let strategy = built.get(info);
  if (!strategy) {
    const entry = KINDS[`${info.group}/${info.version}/${info.resource}`] ?? KINDS[`${info.group}/${info.resource}`];
    const base = defaultStrategy(info, entry);
    strategy = entry ? combine(base, entry.strategy) : base;
    built.set(info, strategy);
  }
  return strategy;
}
