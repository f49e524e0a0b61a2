import { EXTENSION_POINTS, implementsPoint } from "./framework/extension-points.ts";
import type { Handle } from "./framework/handle.ts";
import type { AnyPlugin } from "./framework/plugin.ts";
import { Profile } from "./framework/profile.ts";
import { expandPlugins, multiPointPlugins } from "./plugin-sets.ts";
import type { EnabledAt, NamedPlugin, PluginSets } from "./plugin-sets.ts";
import { balancedAllocationOf } from "./plugins/balanced-allocation.ts";
import type { BalancedAllocationArgs } from "./plugins/balanced-allocation.ts";
import { defaultBinder } from "./plugins/default-binder.ts";
import { deviceTotals } from "./plugins/dynamic-resources/device-totals.ts";
import type { DeviceTotalsOf } from "./plugins/dynamic-resources/device-totals.ts";
import type { DynamicResources } from "./plugins/dynamic-resources/manager.ts";
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

/** What a profile is made of: the default plug-ins, changed by `sets`, and those of others. */
export interface ProfileOptions {
  readonly schedulerName: string;
  /** As `plugins` of a profile in a configuration file. */
  readonly sets?: PluginSets;
  /** More plug-ins, at all the points that they implement, after the default ones. */
  readonly plugins?: readonly { readonly create: PluginFactory; readonly weight?: number }[];
  /** 1–100, for pods of this profile; absent: the scheduler's. */
  readonly percentageOfNodesToScore?: number;
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
    create: ({ listers: { dynamicResources: known } }, _profile, args) =>
      nodeResourcesFit(args.nodeResourcesFit, { classOfResource: known.classOfResource, totalsOf: totalsOf(known) }),
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
    create: ({ listers }, _profile, args) =>
      balancedAllocationOf(args.balancedAllocation ?? {}, totalsOf(listers.dynamicResources)),
  },
  { name: NAMES.imageLocality, weight: 1, create: imageLocality },
  { name: NAMES.defaultBinder, create: defaultBinder },
];

function totalsOf(known: DynamicResources): DeviceTotalsOf {
  return (resource, node) => deviceTotals(known, resource, node);
}

/** Names of the default plug-ins. */
export const DEFAULT_PLUGINS: readonly string[] = DEFAULTS.map(({ name }) => name);

/** Throws on plug-ins that do not exist, are enabled where they have nothing to do, or twice; and where nothing binds. */
export function buildProfile(handle: Handle, options: ProfileOptions): Profile {
  const profile = (): Profile => result;
  const own = (options.plugins ?? []).map(({ create, weight }) => ({ plugin: create(handle, profile), weight }));
  const { sets = {} } = options;
  const multiPoint = multiPointPlugins(
    [
      ...DEFAULTS,
      ...own.map(({ plugin: { name }, weight }) => ({ name, ...(weight === undefined ? {} : { weight }) })),
    ],
    sets.multiPoint,
  );
  // Only what is named anywhere is made at all.
  const needed = new Set(
    [...multiPoint, ...EXTENSION_POINTS.flatMap((point) => sets[point]?.enabled ?? [])].map(({ name }) => name),
  );
  const plugins = [
    ...DEFAULTS.filter(({ name }) => needed.has(name)).map(({ create }) => create(handle, profile, options.args ?? {})),
    ...own.map(({ plugin }) => plugin).filter(({ name }) => needed.has(name)),
  ];
  const byName = new Map(plugins.map((plugin) => [plugin.name, plugin]));
  const { points, weights } = expanded(options.schedulerName, sets, multiPoint, byName);
  const result = new Profile(handle, {
    plugins,
    at: (point) => points[point].flatMap((name) => byName.get(name) ?? []),
    weight: (name) => weights.get(name) ?? 1,
    percentageOfNodesToScore: options.percentageOfNodesToScore,
  });
  return result;
}

function expanded(
  schedulerName: string,
  sets: PluginSets,
  multiPoint: readonly NamedPlugin[],
  byName: ReadonlyMap<string, AnyPlugin>,
): EnabledAt {
  try {
    return expandPlugins(sets, multiPoint, (name, point) => {
      const plugin = byName.get(name);
      return plugin === undefined ? undefined : implementsPoint(plugin, point);
    });
  } catch (error) {
    throw new Error(`profile ${schedulerName}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
