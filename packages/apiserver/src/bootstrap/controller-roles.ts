// The roles system:controller:NAME, each bound to the service account kube-system/NAME: for controllers that run under identities of
// their own (--use-service-account-credentials), and for whoever counts on upstream's roles being there.
import { EVENTS, type Rule } from "./rule.ts";

const STORAGE = "storage.k8s.io";
const RBAC = "rbac.authorization.k8s.io";
const RESOURCE = "resource.k8s.io";
const CERTIFICATES = "certificates.k8s.io";

/** What a controller of pods does with them. */
const OWN_PODS: Rule = ["create delete list patch watch", "-", "pods"];

const binder: readonly Rule[] = [
  ["create delete get list update watch", "-", "persistentvolumes"],
  ["update", "-", "persistentvolumes/status persistentvolumeclaims/status"],
  ["get list update watch", "-", "persistentvolumeclaims"],
  ["get list watch", STORAGE, "storageclasses"],
  ["get list watch", "-", "nodes"],
  ["create delete get", "-", "services endpoints"],
  ["get", "-", "secrets"],
  ["get list watch", "-", "pods"],
  EVENTS,
];

/** Rules by controller. */
export const CONTROLLER_ROLES: Readonly<Record<string, readonly Rule[]>> = {
  "attachdetach-controller": [
    ["get list watch", "-", "persistentvolumes persistentvolumeclaims nodes"],
    ["patch update", "-", "nodes/status"],
    ["list watch", "-", "pods"],
    ["create delete get list watch", STORAGE, "volumeattachments"],
    ["get list watch", STORAGE, "csidrivers csinodes"],
    EVENTS,
  ],
  "certificate-controller": [
    ["delete get list watch", CERTIFICATES, "certificatesigningrequests"],
    ["update", CERTIFICATES, "certificatesigningrequests/approval certificatesigningrequests/status"],
    ["approve", CERTIFICATES, "signers", "kubernetes.io/kube-apiserver-client-kubelet"],
    [
      "sign",
      CERTIFICATES,
      "signers",
      "kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown",
    ],
    ["create", "authorization.k8s.io", "subjectaccessreviews"],
    EVENTS,
  ],
  "clusterrole-aggregation-controller": [["escalate get list patch update watch", RBAC, "clusterroles"]],
  "cronjob-controller": [
    ["get list update watch", "batch", "cronjobs"],
    ["create delete get list patch update watch", "batch", "jobs"],
    ["update", "batch", "cronjobs/status cronjobs/finalizers"],
    ["delete list", "-", "pods"],
    EVENTS,
  ],
  "daemon-set-controller": [
    ["get list watch", "apps", "daemonsets"],
    ["update", "apps", "daemonsets/status daemonsets/finalizers"],
    ["list watch", "-", "nodes"],
    OWN_PODS,
    ["create", "-", "pods/binding"],
    ["create delete get list patch update watch", "apps", "controllerrevisions"],
    EVENTS,
  ],
  "deployment-controller": [
    ["get list update watch", "apps", "deployments"],
    ["update", "apps", "deployments/status deployments/finalizers"],
    ["create delete get list patch update watch", "apps", "replicasets"],
    ["get list update watch", "-", "pods"],
    EVENTS,
  ],
  "device-taint-eviction-controller": [
    ["delete get list watch", "-", "pods"],
    ["patch update", "-", "pods/status"],
    ["get list watch", RESOURCE, "resourceclaims resourceslices deviceclasses"],
    EVENTS,
  ],
  "disruption-controller": [
    ["get list watch", "apps", "deployments replicasets statefulsets"],
    ["get list watch", "-", "replicationcontrollers"],
    ["get list watch", "policy", "poddisruptionbudgets"],
    ["update", "policy", "poddisruptionbudgets/status"],
    ["get list watch", "-", "pods"],
    ["patch update", "-", "pods/status"],
    ["get", "*", "*/scale"],
    EVENTS,
  ],
  "endpoint-controller": [
    ["get list watch", "-", "pods services"],
    ["create delete get list update", "-", "endpoints"],
    ["create", "-", "endpoints/restricted"],
    EVENTS,
  ],
  "endpointslice-controller": [
    ["get list watch", "-", "nodes pods services"],
    // A slice that owns up to its Service blocks its deletion.
    ["update", "-", "services/finalizers"],
    ["create delete get list update", "discovery.k8s.io", "endpointslices"],
    ["create", "discovery.k8s.io", "endpointslices/restricted"],
    EVENTS,
  ],
  "endpointslicemirroring-controller": [
    ["get list watch", "-", "endpoints services"],
    ["update", "-", "services/finalizers endpoints/finalizers"],
    ["create delete get list update", "discovery.k8s.io", "endpointslices"],
    ["create", "discovery.k8s.io", "endpointslices/restricted"],
    EVENTS,
  ],
  "ephemeral-volume-controller": [
    ["get list watch", "-", "pods"],
    ["update", "-", "pods/finalizers"],
    ["create get list watch", "-", "persistentvolumeclaims"],
    EVENTS,
  ],
  "expand-controller": [
    ["get list patch update watch", "-", "persistentvolumes"],
    ["patch update", "-", "persistentvolumeclaims/status"],
    ["get list watch", "-", "persistentvolumeclaims"],
    ["get list watch", STORAGE, "storageclasses"],
    ["get", "-", "endpoints services"],
    ["get", "-", "secrets"],
    EVENTS,
  ],
  "generic-garbage-collector": [["delete get list patch update watch", "*", "*"], EVENTS],
  "horizontal-pod-autoscaler": [
    ["get list watch", "autoscaling", "horizontalpodautoscalers"],
    ["update", "autoscaling", "horizontalpodautoscalers/status"],
    ["get update", "*", "*/scale"],
    ["list", "-", "pods"],
    ["list", "metrics.k8s.io", "pods"],
    ["get list", "custom.metrics.k8s.io", "*"],
    ["get list", "external.metrics.k8s.io", "*"],
    EVENTS,
  ],
  "job-controller": [
    ["get list patch update watch", "batch", "jobs"],
    ["update", "batch", "jobs/status jobs/finalizers"],
    OWN_PODS,
    EVENTS,
  ],
  "legacy-service-account-token-cleaner": [
    ["get", "-", "configmaps", "kube-apiserver-legacy-service-account-token-tracking"],
    ["delete patch", "-", "secrets"],
  ],
  "namespace-controller": [
    ["delete get list watch", "-", "namespaces"],
    ["update", "-", "namespaces/finalize namespaces/status"],
    ["delete deletecollection get list", "*", "*"],
  ],
  "node-controller": [
    ["delete get list patch update", "-", "nodes"],
    ["patch update", "-", "nodes/status"],
    ["patch update", "-", "pods/status"],
    ["delete get list", "-", "pods"],
    EVENTS,
  ],
  "persistent-volume-binder": binder,
  "pod-garbage-collector": [
    ["delete list watch", "-", "pods"],
    ["get list", "-", "nodes"],
    ["patch", "-", "pods/status"],
  ],
  "pv-protection-controller": [["get list update watch", "-", "persistentvolumes"], EVENTS],
  "pvc-protection-controller": [
    ["get list update watch", "-", "persistentvolumeclaims"],
    ["get list watch", "-", "pods"],
    EVENTS,
  ],
  "replicaset-controller": [
    ["get list update watch", "apps", "replicasets"],
    ["update", "apps", "replicasets/status replicasets/finalizers"],
    OWN_PODS,
    EVENTS,
  ],
  "replication-controller": [
    ["get list update watch", "-", "replicationcontrollers"],
    ["update", "-", "replicationcontrollers/status replicationcontrollers/finalizers"],
    OWN_PODS,
    EVENTS,
  ],
  "resource-claim-controller": [
    ["get list watch", "-", "pods"],
    ["update", "-", "pods/finalizers"],
    ["create delete get list watch", RESOURCE, "resourceclaims"],
    ["get list watch", RESOURCE, "resourceclaimtemplates"],
    ["patch update", RESOURCE, "resourceclaims resourceclaims/status"],
    ["patch update", "-", "pods/status"],
    EVENTS,
  ],
  "resourcequota-controller": [["list watch", "*", "*"], ["update", "-", "resourcequotas/status"], EVENTS],
  "root-ca-cert-publisher": [["create update", "-", "configmaps"], EVENTS],
  "route-controller": [["list watch", "-", "nodes"], ["patch", "-", "nodes/status"], EVENTS],
  "service-account-controller": [["create", "-", "serviceaccounts"], EVENTS],
  "service-cidrs-controller": [
    ["get list patch update watch", "networking.k8s.io", "servicecidrs"],
    ["patch update", "networking.k8s.io", "servicecidrs/finalizers servicecidrs/status"],
    ["get list watch", "networking.k8s.io", "ipaddresses"],
    EVENTS,
  ],
  "service-controller": [
    ["get list watch", "-", "services"],
    ["patch update", "-", "services/status"],
    ["list watch", "-", "nodes"],
    EVENTS,
  ],
  "statefulset-controller": [
    ["list watch", "-", "pods"],
    ["get list watch", "apps", "statefulsets"],
    ["update", "apps", "statefulsets/status statefulsets/finalizers"],
    ["create delete get patch update", "-", "pods"],
    ["create delete get list patch update watch", "apps", "controllerrevisions"],
    ["create get list watch", "-", "persistentvolumeclaims"],
    ["delete update", "-", "persistentvolumeclaims"],
    EVENTS,
  ],
  "ttl-after-finished-controller": [["delete get list watch", "batch", "jobs"], EVENTS],
  "ttl-controller": [["list patch update watch", "-", "nodes"], EVENTS],
  "validatingadmissionpolicy-status-controller": [
    ["get list watch", "admissionregistration.k8s.io", "validatingadmissionpolicies"],
    ["get patch update", "admissionregistration.k8s.io", "validatingadmissionpolicies/status"],
    EVENTS,
  ],
};
