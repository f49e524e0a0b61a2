// Upstream's default roles and bindings (rbac/v1), as compact data: [verbs, groups, resources] a rule.
import { CONTROLLER_ROLES } from "./controller-roles.ts";
import { EVENTS, READ, READ_WRITE, type Rule, WRITE } from "./rule.ts";

const VIEW_CORE =
  "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status";
const VIEW_MORE =
  "bindings events limitranges namespaces namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status";
const APPS = "daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale";

const VIEW: readonly Rule[] = [
  [READ, "-", VIEW_CORE],
  [READ, "-", VIEW_MORE],
  [READ, "discovery.k8s.io", "endpointslices"],
  [
    READ,
    "apps",
    `controllerrevisions ${APPS} daemonsets/status deployments/status replicasets/status statefulsets/status`,
  ],
  [READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"],
  [READ, "batch", "cronjobs cronjobs/status jobs jobs/status"],
  [READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"],
  [READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies"],
  [READ, "resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"],
  [READ, "metrics.k8s.io", "pods nodes"],
];

const EDIT: readonly Rule[] = [
  [READ, "-", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"],
  ["impersonate", "-", "serviceaccounts"],
  [WRITE, "-", "pods pods/attach pods/exec pods/portforward pods/proxy"],
  ["create", "-", "pods/eviction"],
  [
    WRITE,
    "-",
    "configmaps endpoints persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy events",
  ],
  ["create", "-", "serviceaccounts/token"],
  [WRITE, "apps", APPS],
  [WRITE, "autoscaling", "horizontalpodautoscalers"],
  [WRITE, "batch", "cronjobs jobs"],
  [WRITE, "policy", "poddisruptionbudgets"],
  [WRITE, "networking.k8s.io", "ingresses networkpolicies"],
  [WRITE, "discovery.k8s.io", "endpointslices"],
  [READ_WRITE, "coordination.k8s.io", "leases"],
  [WRITE, "resource.k8s.io", "resourceclaims resourceclaimtemplates"],
];

const ADMIN: readonly Rule[] = [
  ["create", "authorization.k8s.io", "localsubjectaccessreviews"],
  [READ_WRITE, "rbac.authorization.k8s.io", "rolebindings roles"],
];

const SCHEDULER: readonly Rule[] = [
  EVENTS,
  ["create get list update watch", "coordination.k8s.io", "leases"],
  [READ, "-", "nodes namespaces replicationcontrollers services persistentvolumes persistentvolumeclaims"],
  ["delete get list watch", "-", "pods"],
  ["create", "-", "bindings pods/binding"],
  ["patch update", "-", "pods/status"],
  [READ, "apps", "replicasets statefulsets"],
  [READ, "policy", "poddisruptionbudgets"],
  [READ, "storage.k8s.io", "csinodes csidrivers csistoragecapacities storageclasses volumeattachments"],
  [READ, "resource.k8s.io", "resourceclaims resourceslices deviceclasses"],
  ["patch update", "resource.k8s.io", "resourceclaims resourceclaims/status"],
  // Those of pods' extended resources are the scheduler's own.
  ["create delete", "resource.k8s.io", "resourceclaims"],
  ["create", "authentication.k8s.io", "tokenreviews"],
  ["create", "authorization.k8s.io", "subjectaccessreviews"],
];

/**
 * Every controller of Knots runs as system:kube-controller-manager, so this one role holds what upstream spreads over the
 * system:controller:* roles: reading everything (garbage collection, quotas) and writing what controllers write.
 */
const CONTROLLERS: readonly Rule[] = [
  EVENTS,
  [READ, "*", "*"],
  ["create get list update watch patch delete", "coordination.k8s.io", "leases"],
  // The garbage and namespace collectors delete and patch objects of every kind.
  ["delete deletecollection patch update", "*", "*"],
  [
    "create patch update delete",
    "-",
    "pods pods/status pods/finalizers configmaps endpoints secrets serviceaccounts persistentvolumeclaims persistentvolumes",
  ],
  ["create", "-", "serviceaccounts/token pods/eviction"],
  ["patch update", "-", "nodes nodes/status namespaces/finalize namespaces/status"],
  ["create", "apps", "replicasets controllerrevisions"],
  ["create", "batch", "jobs"],
  ["create", "discovery.k8s.io", "endpointslices"],
  ["create", "resource.k8s.io", "resourceclaims"],
  ["create", "authentication.k8s.io", "tokenreviews"],
  ["create", "authorization.k8s.io", "subjectaccessreviews"],
  // Aggregated ClusterRoles hold rights that their writer need not have.
  ["escalate", "rbac.authorization.k8s.io", "clusterroles"],
  ["approve sign", "certificates.k8s.io", "signers"],
  [
    READ_WRITE,
    "certificates.k8s.io",
    "certificatesigningrequests certificatesigningrequests/approval certificatesigningrequests/status",
  ],
  { verbs: "get", urls: "*" },
];

/** What the Node authorizer lets a kubelet do, as a role: bound to nobody, for clusters without that authorizer. */
const NODE: readonly Rule[] = [
  ["create", "authentication.k8s.io", "tokenreviews"],
  ["create", "authorization.k8s.io", "localsubjectaccessreviews subjectaccessreviews"],
  [READ, "-", "services"],
  ["create get list watch", "-", "nodes"],
  ["patch update", "-", "nodes/status"],
  ["patch update", "-", "nodes"],
  EVENTS,
  [READ, "-", "pods"],
  ["create delete", "-", "pods"],
  ["patch update", "-", "pods/status"],
  ["create", "-", "pods/eviction"],
  [READ, "-", "configmaps secrets"],
  ["get", "-", "persistentvolumeclaims persistentvolumes"],
  ["get", "-", "endpoints"],
  ["create get list watch", "certificates.k8s.io", "certificatesigningrequests"],
  ["create delete get patch update", "coordination.k8s.io", "leases"],
  ["get", "storage.k8s.io", "volumeattachments"],
  ["create", "-", "serviceaccounts/token"],
  ["get patch update", "-", "persistentvolumeclaims/status"],
  [READ, "storage.k8s.io", "csidrivers"],
  ["create delete get patch update", "storage.k8s.io", "csinodes"],
  [READ, "node.k8s.io", "runtimeclasses"],
  ["get", "resource.k8s.io", "resourceclaims"],
  ["deletecollection", "resource.k8s.io", "resourceslices"],
  ["create delete get list patch update watch", "resource.k8s.io", "resourceslices"],
];

/** Cluster roles by name. */
export const CLUSTER_ROLES: Readonly<
  Record<string, { rules: readonly Rule[]; labels?: Record<string, string>; aggregate?: string }>
> = {
  "cluster-admin": { rules: [["*", "*", "*"], { verbs: "*", urls: "*" }] },
  "system:discovery": {
    rules: [
      {
        verbs: "get",
        urls: "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
      },
    ],
  },
  "system:public-info-viewer": { rules: [{ verbs: "get", urls: "/healthz /livez /readyz /version /version/" }] },
  "system:basic-user": {
    rules: [
      ["create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"],
      ["create", "authentication.k8s.io", "selfsubjectreviews"],
    ],
  },
  "system:service-account-issuer-discovery": {
    rules: [
      {
        verbs: "get",
        urls: "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
      },
    ],
  },
  "system:auth-delegator": {
    rules: [
      ["create", "authentication.k8s.io", "tokenreviews"],
      ["create", "authorization.k8s.io", "subjectaccessreviews"],
    ],
  },
  "system:aggregated-metrics-reader": {
    rules: [[READ, "metrics.k8s.io", "pods nodes"]],
    labels: {
      "rbac.authorization.k8s.io/aggregate-to-view": "true",
      "rbac.authorization.k8s.io/aggregate-to-edit": "true",
      "rbac.authorization.k8s.io/aggregate-to-admin": "true",
    },
  },
  "system:monitoring": {
    rules: [
      {
        verbs: "get",
        urls: "/flagz /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/* /statusz",
      },
    ],
  },
  "system:kubelet-api-admin": {
    rules: [
      [READ, "-", "nodes"],
      ["proxy", "-", "nodes"],
      ["*", "-", "nodes/log nodes/metrics nodes/proxy nodes/stats"],
    ],
  },
  "system:node-proxier": {
    rules: [
      [READ, "-", "endpoints services"],
      ["get list watch", "-", "nodes"],
      EVENTS,
      [READ, "discovery.k8s.io", "endpointslices"],
      [READ, "networking.k8s.io", "servicecidrs"],
    ],
  },
  "system:node": { rules: NODE },
  "system:node-bootstrapper": {
    rules: [["create get list watch", "certificates.k8s.io", "certificatesigningrequests"]],
  },
  "system:node-problem-detector": { rules: [["get", "-", "nodes"], ["patch", "-", "nodes/status"], EVENTS] },
  "system:heapster": {
    rules: [
      [READ, "-", "events namespaces nodes pods"],
      [READ, "apps", "deployments"],
    ],
  },
  "system:kube-aggregator": { rules: [[READ, "-", "endpoints services"]] },
  "system:persistent-volume-provisioner": {
    rules: [
      ["create delete get list watch", "-", "persistentvolumes"],
      ["get list update watch", "-", "persistentvolumeclaims"],
      [READ, "storage.k8s.io", "storageclasses"],
      ["watch", "-", "events"],
      EVENTS,
    ],
  },
  "system:volume-scheduler": {
    rules: [
      ["get list patch update watch", "-", "persistentvolumes"],
      [READ, "storage.k8s.io", "storageclasses"],
      ["get list patch update watch", "-", "persistentvolumeclaims"],
    ],
  },
  ...Object.fromEntries(
    ["nodeclient", "selfnodeclient"].map((kind) => [
      `system:certificates.k8s.io:certificatesigningrequests:${kind}`,
      { rules: [["create", "certificates.k8s.io", `certificatesigningrequests/${kind}`] as const] },
    ]),
  ),
  ...Object.fromEntries(
    ["legacy-unknown", "kubelet-serving", "kube-apiserver-client", "kube-apiserver-client-kubelet"].map((signer) => [
      `system:certificates.k8s.io:${signer}-approver`,
      { rules: [["approve", "certificates.k8s.io", "signers", `kubernetes.io/${signer}`] as const] },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(CONTROLLER_ROLES).map(([name, rules]) => [`system:controller:${name}`, { rules }]),
  ),
  "system:kube-scheduler": { rules: SCHEDULER },
  "system:kube-controller-manager": { rules: CONTROLLERS },
  "system:kube-dns": { rules: [[READ, "-", "endpoints services"]] },
  "system:coredns": {
    rules: [
      [READ, "-", "endpoints services pods namespaces"],
      [READ, "discovery.k8s.io", "endpointslices"],
    ],
  },
  "system:aggregate-to-view": { rules: VIEW, labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
  "system:aggregate-to-edit": { rules: EDIT, labels: { "rbac.authorization.k8s.io/aggregate-to-edit": "true" } },
  "system:aggregate-to-admin": { rules: ADMIN, labels: { "rbac.authorization.k8s.io/aggregate-to-admin": "true" } },
  view: { rules: VIEW, aggregate: "view", labels: { "rbac.authorization.k8s.io/aggregate-to-edit": "true" } },
  edit: {
    rules: [...EDIT, ...VIEW],
    aggregate: "edit",
    labels: { "rbac.authorization.k8s.io/aggregate-to-admin": "true" },
  },
  admin: { rules: [...ADMIN, ...EDIT, ...VIEW], aggregate: "admin" },
};

/** Cluster role bindings: role → subjects, each "group:NAME", "user:NAME" or "sa:NAMESPACE/NAME". */
export const CLUSTER_ROLE_BINDINGS: Readonly<Record<string, { role: string; subjects: readonly string[] }>> = {
  "cluster-admin": { role: "cluster-admin", subjects: ["group:system:masters"] },
  "system:discovery": { role: "system:discovery", subjects: ["group:system:authenticated"] },
  "system:basic-user": { role: "system:basic-user", subjects: ["group:system:authenticated"] },
  "system:public-info-viewer": {
    role: "system:public-info-viewer",
    subjects: ["group:system:authenticated", "group:system:unauthenticated"],
  },
  "system:monitoring": { role: "system:monitoring", subjects: ["group:system:monitoring"] },
  "system:service-account-issuer-discovery": {
    role: "system:service-account-issuer-discovery",
    subjects: ["group:system:serviceaccounts"],
  },
  "system:node-proxier": { role: "system:node-proxier", subjects: ["user:system:kube-proxy"] },
  "system:kube-scheduler": { role: "system:kube-scheduler", subjects: ["user:system:kube-scheduler"] },
  "system:kube-controller-manager": {
    role: "system:kube-controller-manager",
    subjects: ["user:system:kube-controller-manager"],
  },
  "system:volume-scheduler": { role: "system:volume-scheduler", subjects: ["user:system:kube-scheduler"] },
  "system:kube-dns": { role: "system:kube-dns", subjects: ["sa:kube-system/kube-dns"] },
  "system:node": { role: "system:node", subjects: [] },
  ...Object.fromEntries(
    Object.keys(CONTROLLER_ROLES).map((name) => [
      `system:controller:${name}`,
      { role: `system:controller:${name}`, subjects: [`sa:kube-system/${name}`] },
    ]),
  ),
  "system:knots:dns": { role: "system:coredns", subjects: ["user:system:knots:dns"] },
};
