// Every admission plug-in, in upstream's order, and which of them a server runs.
import type { Authorizer } from "../../auth/types.ts";
import type { Registry } from "../../registry/registry.ts";
import { MutatingPolicies } from "../policies/mutating-policies.ts";
import { ValidatingPolicies } from "../policies/validating-policies.ts";
import type { AdmissionPlugin } from "../types.ts";
import type { WebhookDependencies } from "../webhooks/dependencies.ts";
import { MutatingWebhooks } from "../webhooks/mutating.ts";
import { ValidatingWebhooks } from "../webhooks/validating.ts";
import { certificatePlugins } from "./certificates.ts";
import { persistentVolumeClaimResize } from "./claim-resize.ts";
import type { AdmissionConfig } from "./config-file.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction/index.ts";
import * as optional from "./optional-plugins.ts";
import { podSecurity } from "./pod-security.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { priority } from "./priority.ts";
import { ResourceQuotaPlugin } from "./resource-quota.ts";
import { serviceAccount } from "./service-account.ts";
import * as small from "./small-plugins.ts";

export interface PluginDependencies {
  readonly registry: () => Registry;
  /** The server's authorizer exists only after it has started. */
  readonly authorizer: () => Authorizer;
  readonly webhooks: WebhookDependencies;
  readonly config?: AdmissionConfig;
}

/** Upstream's order: webhooks see what the server itself would store, and quota is booked for what they left. */
function allPlugins({ registry, authorizer, webhooks, config }: PluginDependencies): AdmissionPlugin[] {
  const policies = { registry, authorizer };
  return [
    optional.alwaysAdmit,
    optional.namespaceAutoProvision(registry),
    namespaceLifecycle,
    optional.namespaceExists,
    optional.limitPodHardAntiAffinityTopology,
    limitRanger,
    serviceAccount,
    nodeRestriction(authorizer),
    small.taintNodesByCondition,
    optional.alwaysPullImages,
    podSecurity(config?.podSecurity),
    priority,
    defaultTolerationSeconds,
    optional.extendedResourceToleration,
    small.defaultStorageClass,
    small.storageObjectInUseProtection,
    persistentVolumeClaimResize,
    small.runtimeClass,
    ...certificatePlugins(authorizer),
    small.defaultIngressClass,
    optional.denyServiceExternalIPs,
    podTopologyLabels,
    new MutatingPolicies(policies),
    new MutatingWebhooks(webhooks),
    new ValidatingPolicies(policies),
    new ValidatingWebhooks(webhooks),
    new ResourceQuotaPlugin(registry),
    optional.alwaysDeny,
  ];
}

/** Off unless enabled. NodeRestriction is on, as every installer of upstream's turns it on. */
const OFF_BY_DEFAULT: ReadonlySet<string> = new Set([
  "AlwaysAdmit",
  "NamespaceAutoProvision",
  "NamespaceExists",
  "LimitPodHardAntiAffinityTopology",
  "AlwaysPullImages",
  "ExtendedResourceToleration",
  "DenyServiceExternalIPs",
  "AlwaysDeny",
]);

/**
 * The plug-ins of a server: the default ones, those enabled, less those disabled. Throws an Error, in upstream's words,
 * for names that are not known or stand in both lists.
 */
export function admissionPlugins(
  deps: PluginDependencies,
  { enable = [], disable = [] }: { readonly enable?: readonly string[]; readonly disable?: readonly string[] },
): AdmissionPlugin[] {
  const all = allPlugins(deps);
  const known = new Set(all.map(({ name }) => name));
  for (const [flag, names] of Object.entries({ enable, disable })) {
    const unknown = names.find((name) => !known.has(name));
    if (unknown !== undefined)
      throw new Error(`${flag}-admission-plugins plugin ${JSON.stringify(unknown)} is unknown`);
  }
  const both = enable.filter((name) => disable.includes(name));
  if (both.length > 0) {
    throw new Error(
      `[${both.toSorted().join(" ")}] in enable-admission-plugins and disable-admission-plugins overlapped`,
    );
  }
  return all.filter(({ name }) => (OFF_BY_DEFAULT.has(name) ? enable.includes(name) : !disable.includes(name)));
}
