import type { Handle } from "./framework/handle.ts";
import type { AnyPlugin } from "./framework/plugin.ts";
import { Profile } from "./framework/profile.ts";
import type { EnabledPlugin } from "./framework/profile.ts";
import { balancedAllocationOf } from "./plugins/balanced-allocation.ts";
import type { BalancedAllocationArgs } from "./plugins/balanced-allocation.ts";
import { defaultBinder } from "./plugins/default-binder.ts";
import { dynamicResources } from "./plugins/dynamic-resources/plugin.ts";
import type { DynamicResourcesArgs } from "./plugins/dynamic-resources/plugin.ts";
import { imageLocality } from "./plugins/image-locality.ts";
import type { InterPodAffinityArgs } from "./plugins/inter-pod-affinity.ts";
import { interPodAffinity } from "./plugins/inter-pod-affinity.ts";
import { NAMES } from "./plugins/names.ts";
import type { NodeAffinityArgs } from "./plugins/node-affinity.ts";
import { nodeAffinity } from "./plugins/node-affinity.ts";
import { nodeName } from "./plugins/node-name.ts";
import { nodePorts } from "./plugins/node-ports.ts";
import { nodeResourcesFit } from "./plugins/node-resources-fit.ts";
import type { NodeResourcesFitArgs } from "./plugins/node-resources-fit.ts";
import { nodeUnschedulable } from "./plugins/node-unschedulable.ts";
import { nodeVolumeLimits } from "./plugins/node-volume-limits.ts";
import type { PodTopologySpreadArgs } from "./plugins/pod-topology-spread/plugin.ts";
import { podTopologySpread } from "./plugins/pod-topology-spread/plugin.ts";
import { prioritySort } from "./plugins/priority-sort.ts";
import { schedulingGates } from "./plugins/scheduling-gates.ts";
import { taintToleration } from "./plugins/taint-toleration.ts";
import type { VolumeBindingArgs } from "./plugins/volume-binding/plugin.ts";
import { volumeBinding } from "./plugins/volume-binding/plugin.ts";
import { volumeRestrictions } from "./plugins/volume-restrictions.ts";
import { volumeZone } from "./plugins/volume-zone.ts";
import type { DefaultPreemptionArgs } from "./preemption/default-preemption.ts";
import { defaultPreemption } from "./preemption/default-preemption.ts";

/** Makes a plug-in for a profile; `profile` may be called once the profile is complete. */
export type PluginFactory = (handle: Handle, profile: () => Profile) => AnyPlugin;

/** What is configured of the default plug-ins (`pluginConfig`). */
export interface PluginArgs {
  readonly nodeResourcesFit?: NodeResourcesFitArgs;
  readonly dynamicResources?: DynamicResourcesArgs;
  readonly nodeAffinity?: NodeAffinityArgs;
  readonly interPodAffinity?: InterPodAffinityArgs;
  readonly podTopologySpread?: PodTopologySpreadArgs;
  readonly volumeBinding?: VolumeBindingArgs;
  readonly defaultPreemption?: DefaultPreemptionArgs;
  readonly balancedAllocation?: BalancedAllocationArgs;
}

/** What a profile is made of: which plug-ins are left out, and those of others. */
export interface ProfileOptions {
  readonly schedulerName: string;
  /** Names of default plug-ins to leave out; "*" leaves out all. */
  readonly disabled?: readonly string[];
  /** More plug-ins, after the default ones. */
  readonly plugins?: readonly { readonly create: PluginFactory; readonly weight?: number }[];
  /** Weights that differ from the default. */
  readonly weights?: Readonly<Record<string, number>>;
  readonly args?: PluginArgs;
}

/** Upstream's default plug-ins in their order: the first that rejects a node gives the reason. */
const DEFAULTS: readonly {
  readonly name: string;
  readonly weight?: number;
  readonly create: (handle: Handle, profile: () => Profile, args: PluginArgs) => AnyPlugin;
}[] = [
  { name: NAMES.schedulingGates, create: () => schedulingGates },
  { name: NAMES.prioritySort, create: () => prioritySort },
  { name: NAMES.nodeUnschedulable, create: () => nodeUnschedulable },
  { name: NAMES.nodeName, create: () => nodeName },
  { name: NAMES.taintToleration, weight: 3, create: () => taintToleration },
  { name: NAMES.nodeAffinity, weight: 2, create: (_handle, _profile, args) => nodeAffinity(args.nodeAffinity) },
  { name: NAMES.nodePorts, create: () => nodePorts },
  {
    name: NAMES.nodeResourcesFit,
    weight: 1,
    create: (_handle, _profile, args) => nodeResourcesFit(args.nodeResourcesFit),
  },
  { name: NAMES.volumeRestrictions, create: volumeRestrictions },
  { name: NAMES.nodeVolumeLimits, create: nodeVolumeLimits },
  { name: NAMES.volumeBinding, create: (handle, _profile, args) => volumeBinding(handle, args.volumeBinding) },
  { name: NAMES.volumeZone, create: volumeZone },
  {
    name: NAMES.podTopologySpread,
    weight: 2,
    create: (handle, _profile, args) => podTopologySpread(handle, args.podTopologySpread),
  },
  {
    name: NAMES.interPodAffinity,
    weight: 2,
    create: (handle, _profile, args) => interPodAffinity(handle, args.interPodAffinity),
  },
  // Before preemption: a claim that lies idle is given back before pods are evicted.
  { name: NAMES.dynamicResources, create: (handle, _profile, args) => dynamicResources(handle, args.dynamicResources) },
  {
    name: NAMES.defaultPreemption,
    create: (handle, profile, args) => defaultPreemption({ handle, profile, args: args.defaultPreemption ?? {} }),
  },
  {
    name: NAMES.balancedAllocation,
    weight: 1,
    create: (_handle, _profile, args) => balancedAllocationOf(args.balancedAllocation ?? {}),
  },
  { name: NAMES.imageLocality, weight: 1, create: imageLocality },
  { name: NAMES.defaultBinder, create: defaultBinder },
];

/** Names of the default plug-ins. */
export const DEFAULT_PLUGINS: readonly string[] = DEFAULTS.map(({ name }) => name);

/** Throws where `disabled` or `weights` names a plug-in that does not exist. */
export function buildProfile(handle: Handle, options: ProfileOptions): Profile {
  const disabled = new Set(options.disabled ?? []);
  for (const name of [...disabled, ...Object.keys(options.weights ?? {})]) {
    if (name !== "*" && !DEFAULT_PLUGINS.includes(name)) {
      throw new Error(`profile ${options.schedulerName}: plugin "${name}" does not exist`);
    }
  }
  const profile = (): Profile => result;
  const enabled: EnabledPlugin[] = [];
  const add = (create: PluginFactory, weight: number | undefined): void => {
    enabled.push({ plugin: create(handle, profile), ...(weight === undefined ? {} : { weight }) });
  };
  for (const { name, weight, create } of DEFAULTS) {
    if (!disabled.has("*") && !disabled.has(name)) {
      add((own, done) => create(own, done, options.args ?? {}), options.weights?.[name] ?? weight);
    }
  }
  for (const { create, weight } of options.plugins ?? []) add(create, weight);
  const result = new Profile(handle, enabled);
  return result;
}
