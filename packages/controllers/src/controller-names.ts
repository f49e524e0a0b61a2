/** Names that upstream's controllers had before v1.28, which `--controllers` still takes. */
const FORMER_NAMES: Readonly<Record<string, string>> = {
  "serviceaccount-token": "serviceaccount-token-controller",
  endpoint: "endpoints-controller",
  endpointslice: "endpointslice-controller",
  endpointslicemirroring: "endpointslice-mirroring-controller",
  replicationcontroller: "replicationcontroller-controller",
  podgc: "pod-garbage-collector-controller",
  resourcequota: "resourcequota-controller",
  namespace: "namespace-controller",
  serviceaccount: "serviceaccount-controller",
  garbagecollector: "garbage-collector-controller",
  daemonset: "daemonset-controller",
  job: "job-controller",
  deployment: "deployment-controller",
  replicaset: "replicaset-controller",
  horizontalpodautoscaling: "horizontal-pod-autoscaler-controller",
  disruption: "disruption-controller",
  statefulset: "statefulset-controller",
  cronjob: "cronjob-controller",
  csrsigning: "certificatesigningrequest-signing-controller",
  csrapproving: "certificatesigningrequest-approving-controller",
  csrcleaner: "certificatesigningrequest-cleaner-controller",
  ttl: "ttl-controller",
  nodeipam: "node-ipam-controller",
  nodelifecycle: "node-lifecycle-controller",
  "persistentvolume-binder": "persistentvolume-binder-controller",
  "clusterrole-aggregation": "clusterrole-aggregation-controller",
  "pvc-protection": "persistentvolumeclaim-protection-controller",
  "pv-protection": "persistentvolume-protection-controller",
  "ttl-after-finished": "ttl-after-finished-controller",
  "root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
  "ephemeral-volume": "ephemeral-volume-controller",
  "resource-claim-controller": "resourceclaim-controller",
  "legacy-service-account-token-cleaner": "legacy-serviceaccount-token-cleaner-controller",
  bootstrapsigner: "bootstrap-signer-controller",
  tokencleaner: "token-cleaner-controller",
};

/** Upstream's controllers that do not run here: to switch one off is no mistake, to ask for one is. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "service-lb-controller",
  "service",
  "node-route-controller",
  "route",
  "cloud-node-lifecycle-controller",
  "cloud-node-lifecycle",
  "persistentvolume-attach-detach-controller",
  "attachdetach",
  "persistentvolume-expander-controller",
  "persistentvolume-expander",
  "kube-apiserver-serving-clustertrustbundle-publisher-controller",
  "storageversion-garbage-collector-controller",
  "storage-version-gc",
  "storage-version-migrator-controller",
  "selinux-warning-controller",
  "volumeattributesclass-protection-controller",
  // The API server does its work.
  "validatingadmissionpolicy-status-controller",
]);

/** An entry of `--controllers` with the controller's name of today. */
export function todaysName(entry: string): string {
  const [sign, name] = entry.startsWith("-") ? ["-", entry.slice(1)] : ["", entry];
  return `${sign}${(Object.hasOwn(FORMER_NAMES, name) ? FORMER_NAMES[name] : undefined) ?? name}`;
}

export function runsElsewhere(name: string): boolean {
  return ELSEWHERE.has(name);
}
