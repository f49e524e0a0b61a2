// Upstream's default roles and bindings (rbac/v1), as compact data: [verbs, groups, resources] a rule.
import type { PolicyRule } from "@knots/api/rbac/v1";

type Rule =
  | readonly [verbs: string, groups: string, resources: string, names?: string]
  | { readonly verbs: string; readonly urls: string };

const READ = "get list watch";
const READ_WRITE = "create delete deletecollection get list patch update watch";
const WRITE = "create delete deletecollection patch update";

function words(text: string): string[] {
  return text.split(" ");
}

/** "-" stands for the core group. */
export function expand(rule: Rule): PolicyRule {
  if (!Array.isArray(rule)) {
    const { verbs, urls } = rule as { verbs: string; urls: string };
    return { verbs: words(verbs), nonResourceURLs: words(urls) };
  }
  const [verbs, groups, resources, names] = rule as readonly [string, string, string, string?];
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === "-" ? "" : group)),
    resources: words(resources),
    ...(names === undefined ? {} : { resourceNames: words(names) }),
  };
}

const EVENTS: Rule = ["create patch update", "- events.k8s.io", "events"];

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
  ["create", "authentication.k8s.io", "tokenreviews"],
  ["create", "authorization.k8s.io", "subjectaccessreviews"],
  ["approve sign", "certificates.k8s.io", "signers"],
  [
    READ_WRITE,
    "certificates.k8s.io",
    "certificatesigningrequests certificatesigningrequests/approval certificatesigningrequests/status",
  ],
  { verbs: "get", urls: "*" },
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
  "system:monitoring": {
    rules: [{ verbs: "get", urls: "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*" }],
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

/** Cluster role bindings: role → subjects, "group:" or "user:" before the name. */
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
  "system:knots:dns": { role: "system:coredns", subjects: ["user:system:knots:dns"] },
};
