// Roles of single namespaces that upstream makes, with who has them.
import { EVENTS, type Rule } from "./rule.ts";

export interface NamespacedRole {
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly Rule[];
  /** The binding, where it has a name of its own. */
  readonly binding?: string;
  /** "user:NAME", "group:NAME" or "sa:NAMESPACE/NAME". */
  readonly subjects: readonly string[];
}

const MANAGER = "user:system:kube-controller-manager";
const SCHEDULER = "user:system:kube-scheduler";

function leaderLock(component: string, user: string): NamespacedRole {
  return {
    namespace: "kube-system",
    name: `system::leader-locking-${component}`,
    rules: [
      ["watch", "-", "configmaps"],
      ["get update", "-", "configmaps", component],
    ],
    subjects: [user, `sa:kube-system/${component}`],
  };
}

export const NAMESPACED_ROLES: readonly NamespacedRole[] = [
  {
    namespace: "kube-system",
    name: "extension-apiserver-authentication-reader",
    rules: [["get list watch", "-", "configmaps", "extension-apiserver-authentication"]],
    binding: "system::extension-apiserver-authentication-reader",
    subjects: [MANAGER, SCHEDULER],
  },
  leaderLock("kube-controller-manager", MANAGER),
  leaderLock("kube-scheduler", SCHEDULER),
  {
    namespace: "kube-system",
    name: "system:controller:bootstrap-signer",
    rules: [["get list watch", "-", "secrets"]],
    subjects: ["sa:kube-system/bootstrap-signer"],
  },
  {
    namespace: "kube-system",
    name: "system:controller:cloud-provider",
    rules: [["create get list watch", "-", "configmaps"]],
    subjects: ["sa:kube-system/cloud-provider"],
  },
  {
    namespace: "kube-system",
    name: "system:controller:token-cleaner",
    rules: [["delete get list watch", "-", "secrets"], EVENTS],
    subjects: ["sa:kube-system/token-cleaner"],
  },
  {
    namespace: "kube-public",
    name: "system:controller:bootstrap-signer",
    rules: [["get list watch", "-", "configmaps"], ["update", "-", "configmaps", "cluster-info"], EVENTS],
    subjects: ["sa:kube-system/bootstrap-signer"],
  },
];
