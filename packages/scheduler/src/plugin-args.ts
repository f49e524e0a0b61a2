// The arguments of plug-ins other than NodeResourcesFit, as upstream's files have them.
import type { NodeAffinity, TopologySpreadConstraint } from "@knots/api/core/v1";
import { parseDuration } from "@knots/machinery";
import type { PluginArgs } from "./default-profile.ts";
import { NAMES } from "./plugins/names.ts";

type Given = Readonly<Record<string, unknown>>;

/** By the plug-in's name. Each throws on a field that is not known or not done here, and on values upstream refuses. */
export const ARGS_READERS: Readonly<Record<string, (args: Given) => PluginArgs>> = {
  [NAMES.interPodAffinity](args) {
    const fields = new Fields(NAMES.interPodAffinity, args, [
      "hardPodAffinityWeight",
      "ignorePreferredTermsOfExistingPods",
    ]);
    return {
      interPodAffinity: {
        ...fields.number("hardPodAffinityWeight", 0, 100),
        ignorePreferredTermsOfExistingPods: args["ignorePreferredTermsOfExistingPods"] === true,
      },
    };
  },
  [NAMES.nodeAffinity](args) {
    void new Fields(NAMES.nodeAffinity, args, ["addedAffinity"]);
    const { addedAffinity } = args as { addedAffinity?: NodeAffinity | null };
    return { nodeAffinity: addedAffinity ? { addedAffinity } : {} };
  },
  [NAMES.balancedAllocation](args) {
    const fields = new Fields(NAMES.balancedAllocation, args, ["resources"]);
    const { resources } = args as { resources?: readonly { readonly name: string; readonly weight?: number }[] };
    if (resources?.some(({ weight = 1 }) => weight !== 1) === true) fields.fail("resources", "weight must be 1");
    return { balancedAllocation: resources === undefined ? {} : { resources: resources.map(({ name }) => name) } };
  },
  [NAMES.podTopologySpread](args) {
    const fields = new Fields(NAMES.podTopologySpread, args, ["defaultConstraints", "defaultingType"]);
    const { defaultConstraints = [], defaultingType = "System" } = args as {
      defaultConstraints?: readonly TopologySpreadConstraint[];
      defaultingType?: string;
    };
    if (defaultingType !== "System" && defaultingType !== "List")
      fields.fail("defaultingType", `${JSON.stringify(defaultingType)} is none of System, List`);
    if (defaultingType === "System") {
      if (defaultConstraints.length > 0)
        fields.fail("defaultingType", "when .defaultConstraints are not empty, it must be List");
      return {};
    }
    for (const [i, constraint] of defaultConstraints.entries())
      checkConstraint(fields, `defaultConstraints[${i}]`, constraint);
    return { podTopologySpread: { defaultConstraints } };
  },
  [NAMES.volumeBinding](args) {
    const fields = new Fields(NAMES.volumeBinding, args, ["bindTimeoutSeconds", "shape"]);
    // Alpha, and off, in v1.36: a file that says it is refused there, too.
    if (args["shape"] !== undefined && args["shape"] !== null)
      fields.fail("shape", "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring");
    const { bindTimeoutSeconds: seconds } = fields.number("bindTimeoutSeconds", 0, Infinity);
    return { volumeBinding: seconds === undefined ? {} : { bindTimeoutMs: seconds * 1000 } };
  },
  [NAMES.defaultPreemption](args) {
    const fields = new Fields(NAMES.defaultPreemption, args, [
      "minCandidateNodesPercentage",
      "minCandidateNodesAbsolute",
    ]);
    const read = {
      ...fields.number("minCandidateNodesPercentage", 0, 100),
      ...fields.number("minCandidateNodesAbsolute", 0, Infinity),
    };
    if (read.minCandidateNodesPercentage === 0 && read.minCandidateNodesAbsolute === 0)
      fields.fail("minCandidateNodesAbsolute", "cannot be zero at the same time as minCandidateNodesPercentage");
    return { defaultPreemption: read };
  },
  [NAMES.dynamicResources](args) {
    const fields = new Fields(NAMES.dynamicResources, args, ["filterTimeout", "bindingTimeout"]);
    const { filterTimeout, bindingTimeout } = args as { filterTimeout?: string; bindingTimeout?: string };
    const [filterTimeoutMs, bindingTimeoutMs] = [filterTimeout, bindingTimeout].map((text) =>
      text === undefined ? undefined : parseDuration(text),
    );
    if (filterTimeoutMs !== undefined && filterTimeoutMs < 0) fields.fail("filterTimeout", "must be zero or positive");
    if (bindingTimeoutMs !== undefined && bindingTimeoutMs < 1000)
      fields.fail("bindingTimeout", "must be at least 1 second");
    return {
      dynamicResources: {
        ...(filterTimeoutMs === undefined ? {} : { filterTimeoutMs }),
        ...(bindingTimeoutMs === undefined ? {} : { bindingTimeoutMs }),
      },
    };
  },
};

function checkConstraint(fields: Fields, at: string, constraint: TopologySpreadConstraint): void {
  const { maxSkew, topologyKey, whenUnsatisfiable, labelSelector } = constraint;
  if (!Number.isInteger(maxSkew) || maxSkew <= 0) fields.fail(`${at}.maxSkew`, "not in valid range (0, inf)");
  if (!topologyKey) fields.fail(`${at}.topologyKey`, "can not be empty");
  if (whenUnsatisfiable !== "DoNotSchedule" && whenUnsatisfiable !== "ScheduleAnyway")
    fields.fail(`${at}.whenUnsatisfiable`, "must be one of DoNotSchedule, ScheduleAnyway");
  if (labelSelector !== undefined)
    fields.fail(`${at}.labelSelector`, "constraint must not define a selector, as they deduced for each pod");
}

/** The fields of one plug-in's arguments. */
class Fields {
  readonly #plugin: string;
  readonly #args: Given;

  constructor(plugin: string, args: Given, known: readonly string[]) {
    this.#plugin = plugin;
    this.#args = args;
    const unknown = Object.keys(args).find((name) => !["apiVersion", "kind", ...known].includes(name));
    if (unknown !== undefined) this.fail(unknown, "is not supported");
  }

  fail(field: string, why: string): never {
    throw new Error(`pluginConfig ${this.#plugin}: ${field}: ${why}`);
  }

  /** A whole number under its name; nothing where it is not given. */
  number<K extends string>(name: K, min: number, max: number): { [P in K]?: number } {
    const value = this.#args[name];
    if (value === undefined || value === null) return {};
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
      this.fail(name, `${JSON.stringify(value)} is not in valid range [${min}, ${max}]`);
    return { [name]: value } as { [P in K]?: number };
  }
}
