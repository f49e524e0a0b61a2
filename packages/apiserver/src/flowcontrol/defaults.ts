// The FlowSchemas and PriorityLevelConfigurations that every cluster has: upstream's mandatory and suggested objects.
import type {
  FlowSchema,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
  Subject,
} from "@knots/api/flowcontrol/v1";

export const EXEMPT = "exempt";
export const CATCH_ALL = "catch-all";

const API_VERSION = "flowcontrol.apiserver.k8s.io/v1";
const NODES = "system:nodes";
const EVERYONE = groups("system:unauthenticated", "system:authenticated");

function groups(...names: string[]): Subject[] {
  return names.map((name) => ({ kind: "Group", group: { name } }));
}

function users(...names: string[]): Subject[] {
  return names.map((name) => ({ kind: "User", user: { name } }));
}

function kubeSystemAccounts(...names: string[]): Subject[] {
  return names.map((name) => ({ kind: "ServiceAccount", serviceAccount: { namespace: "kube-system", name } }));
}

function inNamespaces(
  verbs: string[],
  apiGroup: string,
  resources: string[],
  clusterScope = false,
): ResourcePolicyRule {
  return { verbs, apiGroups: [apiGroup], resources, namespaces: ["*"], ...(clusterScope ? { clusterScope } : {}) };
}

function everything(subjects: Subject[]): PolicyRulesWithSubjects {
  return {
    subjects,
    resourceRules: [inNamespaces(["*"], "*", ["*"], true)],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  };
}

function schema(
  name: string,
  level: string,
  matchingPrecedence: number,
  distinguisher: "ByUser" | "ByNamespace" | undefined,
  rule: PolicyRulesWithSubjects,
): FlowSchema {
  return {
    apiVersion: API_VERSION,
    kind: "FlowSchema",
    metadata: { name },
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence,
      ...(distinguisher === undefined ? {} : { distinguisherMethod: { type: distinguisher } }),
      rules: [rule],
    },
  };
}

function level(name: string, spec: NonNullable<PriorityLevelConfiguration["spec"]>): PriorityLevelConfiguration {
  return { apiVersion: API_VERSION, kind: "PriorityLevelConfiguration", metadata: { name }, spec };
}

function queued(
  name: string,
  nominalConcurrencyShares: number,
  lendablePercent: number,
  queues: number,
  handSize: number,
): PriorityLevelConfiguration {
  const limitResponse = { type: "Queue", queuing: { queues, handSize, queueLengthLimit: 50 } };
  return level(name, { type: "Limited", limited: { nominalConcurrencyShares, lendablePercent, limitResponse } });
}

export const MANDATORY_LEVELS: readonly PriorityLevelConfiguration[] = [
  level(EXEMPT, { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  level(CATCH_ALL, {
    type: "Limited",
    limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: "Reject" } },
  }),
];

export const MANDATORY_SCHEMAS: readonly FlowSchema[] = [
  schema(EXEMPT, EXEMPT, 1, undefined, everything(groups("system:masters"))),
  schema(CATCH_ALL, CATCH_ALL, 10_000, "ByUser", everything(EVERYONE)),
];

export const SUGGESTED_LEVELS: readonly PriorityLevelConfiguration[] = [
  queued("system", 30, 33, 64, 6),
  queued("node-high", 40, 25, 64, 6),
  queued("leader-election", 10, 0, 16, 4),
  queued("workload-high", 40, 50, 128, 6),
  queued("workload-low", 100, 90, 128, 6),
  queued("global-default", 20, 50, 128, 6),
];

const ELECT = ["get", "create", "update"];
const LEASES = inNamespaces(ELECT, "coordination.k8s.io", ["leases"]);

export const SUGGESTED_SCHEMAS: readonly FlowSchema[] = [
  schema("probes", EXEMPT, 2, undefined, {
    subjects: EVERYONE,
    nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }],
  }),
  schema("system-leader-election", "leader-election", 100, "ByUser", {
    subjects: [...users("system:kube-controller-manager", "system:kube-scheduler"), ...kubeSystemAccounts("*")],
    resourceRules: [LEASES],
  }),
  schema("endpoint-controller", "workload-high", 150, "ByUser", {
    subjects: [
      ...users("system:kube-controller-manager"),
      ...kubeSystemAccounts("endpoint-controller", "endpointslicemirroring-controller"),
    ],
    resourceRules: [inNamespaces(ELECT, "", ["endpoints"])],
  }),
  schema("workload-leader-election", "leader-election", 200, "ByUser", {
    subjects: kubeSystemAccounts("*"),
    resourceRules: [inNamespaces(ELECT, "", ["endpoints", "configmaps"]), LEASES],
  }),
  schema("system-node-high", "node-high", 400, "ByUser", {
    subjects: groups(NODES),
    resourceRules: [
      inNamespaces(["*"], "", ["nodes", "nodes/status"], true),
      inNamespaces(["*"], "coordination.k8s.io", ["leases"]),
    ],
  }),
  schema("system-nodes", "system", 500, "ByUser", everything(groups(NODES))),
  schema(
    "kube-controller-manager",
    "workload-high",
    800,
    "ByNamespace",
    everything(users("system:kube-controller-manager")),
  ),
  schema("kube-scheduler", "workload-high", 800, "ByNamespace", everything(users("system:kube-scheduler"))),
  schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", everything(kubeSystemAccounts("*"))),
  schema("service-accounts", "workload-low", 9000, "ByUser", everything(groups("system:serviceaccounts"))),
  schema("global-default", "global-default", 9900, "ByUser", everything(EVERYONE)),
];
