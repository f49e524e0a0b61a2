// `pluginConfig` of a profile in a KubeSchedulerConfiguration.
import type { PluginArgs } from "./default-profile.ts";
import { ARGS_READERS } from "./plugin-args.ts";
import { NAMES } from "./plugins/names.ts";
import type { NodeResourcesFitArgs } from "./plugins/node-resources-fit.ts";
import { DEFAULT_STRATEGY } from "./plugins/resource-scoring.ts";
import type { ResourceWeight, ScoringStrategy, ShapePoint } from "./plugins/resource-scoring.ts";

export interface PluginConfig {
  readonly name: string;
  readonly args?: unknown;
}

/** NodeResourcesFitArgs as in the file. */
interface FitArgs {
  readonly ignoredResources?: readonly string[];
  readonly ignoredResourceGroups?: readonly string[];
  readonly scoringStrategy?: {
    readonly type?: string;
    readonly resources?: readonly { readonly name: string; readonly weight?: number }[];
    readonly requestedToCapacityRatio?: { readonly shape?: readonly Partial<ShapePoint>[] };
  };
}

const TYPES = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] as const;

/** Throws on plug-ins whose arguments this scheduler does not read, and on values upstream refuses. */
export function readPluginConfig(configs: readonly PluginConfig[]): PluginArgs {
  let result: PluginArgs = {};
  for (const { name, args } of configs) {
    if (name === NAMES.nodeResourcesFit) {
      result = { ...result, nodeResourcesFit: readFitArgs((args ?? {}) as FitArgs) };
      continue;
    }
    const read = ARGS_READERS[name];
    if (read === undefined) throw new Error(`pluginConfig of ${name} is not supported`);
    result = { ...result, ...read((args ?? {}) as Readonly<Record<string, unknown>>) };
  }
  return result;
}

function readFitArgs({
  ignoredResources = [],
  ignoredResourceGroups = [],
  scoringStrategy,
}: FitArgs): NodeResourcesFitArgs {
  const [names, groups] = [new Set(ignoredResources), new Set(ignoredResourceGroups)];
  return {
    ignored: (resource) => names.has(resource) || groups.has(resource.split("/")[0] ?? ""),
    ...(scoringStrategy === undefined ? {} : { scoringStrategy: readStrategy(scoringStrategy) }),
  };
}

function readStrategy(strategy: NonNullable<FitArgs["scoringStrategy"]>): ScoringStrategy {
  const field = `pluginConfig ${NAMES.nodeResourcesFit}: scoringStrategy`;
  const type = TYPES.find((each) => each === (strategy.type ?? "LeastAllocated"));
  if (type === undefined)
    throw new Error(`${field}.type: ${JSON.stringify(strategy.type)} is none of ${TYPES.join(", ")}`);
  const given = strategy.resources ?? [];
  const resources = (given.length === 0 ? DEFAULT_STRATEGY.resources : given).map(
    ({ name, weight }): ResourceWeight => {
      const used = weight === undefined || weight === 0 ? 1 : weight;
      if (!Number.isInteger(used) || used < 1 || used > 100)
        throw new Error(`${field}.resources: weight ${used} of ${name} must be a whole number from 1 to 100`);
      return { name, weight: used };
    },
  );
  if (type !== "RequestedToCapacityRatio") return { type, resources };
  return {
    type,
    resources,
    shape: readShape(strategy.requestedToCapacityRatio?.shape ?? [], `${field}.requestedToCapacityRatio.shape`),
  };
}

function readShape(points: readonly Partial<ShapePoint>[], field: string): ShapePoint[] {
  if (points.length === 0) throw new Error(`${field}: at least one point must be specified`);
  const shape = points.map(({ utilization = 0, score = 0 }) => ({ utilization, score }));
  for (const [i, { utilization, score }] of shape.entries()) {
    if (utilization < 0 || utilization > 100)
      throw new Error(`${field}[${i}].utilization: ${utilization} is not from 0 to 100`);
    if (score < 0 || score > 10) throw new Error(`${field}[${i}].score: ${score} is not from 0 to 10`);
    const before = shape[i - 1];
    if (before !== undefined && before.utilization >= utilization)
      throw new Error(`${field}[${i}].utilization: utilization values must be sorted in increasing order`);
  }
  return shape;
}
