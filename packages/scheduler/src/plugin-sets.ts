// Which plug-ins run at which extension point, by upstream's rules of precedence.
import { EXTENSION_POINTS, interfaceOf } from "./framework/extension-points.ts";
import type { ExtensionPoint } from "./framework/extension-points.ts";

export interface NamedPlugin {
  readonly name: string;
  /** Of its score; 0 and absent mean 1. */
  readonly weight?: number;
}

/** `plugins.POINT` of a profile in a KubeSchedulerConfiguration. */
export interface PluginSet {
  readonly enabled?: readonly NamedPlugin[];
  /** The name "*" stands for all. */
  readonly disabled?: readonly { readonly name: string }[];
}

/** `plugins` of a profile; multiPoint stands for every point that a plug-in implements. */
export type PluginSets = Readonly<Partial<Record<"multiPoint" | ExtensionPoint, PluginSet>>>;

export interface EnabledAt {
  /** Names in the order in which they run. */
  readonly points: Readonly<Record<ExtensionPoint, readonly string[]>>;
  readonly weights: ReadonlyMap<string, number>;
}

/**
 * The default plug-ins changed by `multiPoint`: what is disabled goes, one that is enabled anew keeps its place and takes
 * the weight given, others come after. Pure.
 */
export function multiPointPlugins(defaults: readonly NamedPlugin[], set: PluginSet = {}): NamedPlugin[] {
  const disabled = new Set((set.disabled ?? []).map(({ name }) => name));
  const enabled = set.enabled ?? [];
  const kept = disabled.has("*") ? [] : defaults.filter(({ name }) => !disabled.has(name));
  const replaced = new Set<NamedPlugin>();
  const result = kept.map((plugin) => {
    // The last that is written counts.
    const anew = enabled.findLast(({ name }) => name === plugin.name);
    if (anew === undefined) return plugin;
    replaced.add(anew);
    return anew;
  });
  return [...result, ...enabled.filter((plugin) => !replaced.has(plugin))];
}

/**
 * Expands `multiPoint` to the points that its plug-ins implement. At each point come first the plug-ins that are named both
 * there and by multiPoint, in the order of the point; then those of multiPoint that are not disabled there; then the others
 * of the point. A weight given at `score` wins over that of multiPoint. Throws on plug-ins that do not exist, do not
 * implement the point they are enabled at, or are enabled twice. Pure.
 */
export function expandPlugins(
  sets: PluginSets,
  multiPoint: readonly NamedPlugin[],
  implementation: (name: string, point: ExtensionPoint) => boolean | undefined,
): EnabledAt {
  for (const { name } of multiPoint)
    if (EXTENSION_POINTS.every((point) => implementation(name, point) === undefined))
      throw new Error(`plugin "${name}" does not exist`);
  const points = {} as Record<ExtensionPoint, readonly string[]>;
  for (const point of EXTENSION_POINTS) {
    const own = namedAt(point, sets[point]?.enabled ?? [], implementation);
    const disabled = new Set((sets[point]?.disabled ?? []).map(({ name }) => name));
    const general = disabled.has("*")
      ? []
      : multiPoint
          .map(({ name }) => name)
          .filter((name) => !disabled.has(name) && implementation(name, point) === true);
    checkOnce(point, general);
    const both = own.filter((name) => general.includes(name));
    const rest = own.filter((name) => !general.includes(name));
    points[point] = [...both, ...general.filter((name) => !own.includes(name)), ...rest];
  }
  const weights = new Map<string, number>();
  for (const { name, weight } of [...(sets.score?.enabled ?? []), ...multiPoint])
    if (!weights.has(name)) weights.set(name, weight === undefined || weight === 0 ? 1 : weight);
  return { points, weights };
}

function namedAt(
  point: ExtensionPoint,
  enabled: readonly NamedPlugin[],
  implementation: (name: string, point: ExtensionPoint) => boolean | undefined,
): string[] {
  const names = enabled.map(({ name }) => name);
  for (const name of names) {
    const found = implementation(name, point);
    if (found === undefined) throw new Error(`${interfaceOf(point)} "${name}" does not exist`);
    if (!found) throw new Error(`plugin "${name}" does not extend ${interfaceOf(point)} plugin`);
  }
  checkOnce(point, names);
  return names;
}

function checkOnce(point: ExtensionPoint, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`plugin "${twice}" already registered as "${interfaceOf(point)}"`);
}
