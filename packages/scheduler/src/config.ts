import { parseDuration } from "@knots/machinery";
import { parse } from "yaml";
import { DEFAULT_PLUGINS } from "./default-profile.ts";
import type { ProfileOptions } from "./default-profile.ts";
import { readExtenders } from "./extender/extender-config.ts";
import type { ExtenderEntry } from "./extender/extender-config.ts";
import { readPluginConfig } from "./plugin-config.ts";
import type { PluginConfig } from "./plugin-config.ts";
import type { LeaderElectionOptions, SchedulerOptions } from "./scheduler.ts";

interface PluginSet {
  readonly enabled?: readonly { readonly name: string; readonly weight?: number }[];
  readonly disabled?: readonly { readonly name: string }[];
}

/** What is read of `kind: KubeSchedulerConfiguration` (kubescheduler.config.k8s.io/v1). */
interface Configuration {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly clientConnection?: { readonly kubeconfig?: string };
  readonly leaderElection?: {
    readonly leaderElect?: boolean;
    readonly leaseDuration?: string;
    readonly renewDeadline?: string;
    readonly retryPeriod?: string;
    readonly resourceName?: string;
    readonly resourceNamespace?: string;
  };
  readonly percentageOfNodesToScore?: number;
  readonly podInitialBackoffSeconds?: number;
  readonly podMaxBackoffSeconds?: number;
  readonly profiles?: readonly {
    readonly schedulerName?: string;
    readonly percentageOfNodesToScore?: number;
    readonly plugins?: Readonly<Record<string, PluginSet>>;
    readonly pluginConfig?: readonly PluginConfig[];
  }[];
  readonly extenders?: readonly ExtenderEntry[];
}

export interface SchedulerConfiguration {
  readonly kubeconfig?: string;
  readonly options: Pick<
    SchedulerOptions,
    "extenders" | "profiles" | "percentageOfNodesToScore" | "podInitialBackoffMs" | "podMaxBackoffMs" | "leaderElect"
  > & { readonly leaderElection: Partial<LeaderElectionOptions> };
}

/** Extension points at which leaving a plug-in out cannot be told from leaving it out altogether. */
const WHOLE = new Set(["multiPoint", "filter", "postFilter", "score", "bind", "queueSort", "preEnqueue"]);

/** Reads a configuration file. Throws on what it says and this scheduler does not do, rather than ignoring it. */
export function parseConfiguration(text: string): SchedulerConfiguration {
  const config = parse(text) as Configuration | null;
  if (config?.kind !== "KubeSchedulerConfiguration" || config.apiVersion !== "kubescheduler.config.k8s.io/v1") {
    throw new Error("the configuration is no KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1");
  }
  const { extenders, ignoredResources } = readExtenders(config.extenders ?? []);
  const { leaderElection: election, clientConnection } = config;
  const given = config.profiles ?? (ignoredResources.length === 0 ? undefined : [{}]);
  const profiles = given?.map((profile) => withoutResources(readProfile(profile), new Set(ignoredResources)));
  return {
    ...defined({ kubeconfig: clientConnection?.kubeconfig }),
    options: {
      ...defined({
        profiles,
        percentageOfNodesToScore: config.percentageOfNodesToScore ?? config.profiles?.[0]?.percentageOfNodesToScore,
        podInitialBackoffMs: seconds(config.podInitialBackoffSeconds),
        podMaxBackoffMs: seconds(config.podMaxBackoffSeconds),
        leaderElect: election?.leaderElect,
        extenders: extenders.length === 0 ? undefined : extenders,
      }),
      leaderElection: defined({
        leaseDurationMs: duration(election?.leaseDuration),
        renewDeadlineMs: duration(election?.renewDeadline),
        retryPeriodMs: duration(election?.retryPeriod),
        name: election?.resourceName,
        namespace: election?.resourceNamespace,
      }),
    },
  };
}

type Profiles = NonNullable<Configuration["profiles"]>;

function readProfile(profile: Profiles[number]): ProfileOptions {
  const schedulerName = profile.schedulerName ?? "default-scheduler";
  const disabled = new Set<string>();
  const weights: Record<string, number> = {};
  for (const [point, set] of Object.entries(profile.plugins ?? {})) {
    if (!WHOLE.has(point) && ((set.enabled ?? []).length > 0 || (set.disabled ?? []).length > 0)) {
      throw new Error(`profile ${schedulerName}: plugins.${point} is not supported; use plugins.multiPoint`);
    }
    for (const { name } of set.disabled ?? []) disabled.add(name);
  }
  for (const set of Object.values(profile.plugins ?? {})) {
    for (const { name, weight } of set.enabled ?? []) {
      if (!DEFAULT_PLUGINS.includes(name)) throw new Error(`profile ${schedulerName}: plugin "${name}" does not exist`);
      if (disabled.has("*"))
        throw new Error(`profile ${schedulerName}: disabling "*" and enabling some is not supported`);
      disabled.delete(name);
      if (weight !== undefined) weights[name] = weight;
    }
  }
  let args;
  try {
    args = readPluginConfig(profile.pluginConfig ?? []);
  } catch (error) {
    throw new Error(`profile ${schedulerName}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return { schedulerName, disabled: [...disabled], weights, args };
}

/** Resources that an extender alone looks after are not checked by the scheduler. */
function withoutResources(profile: ProfileOptions, names: ReadonlySet<string>): ProfileOptions {
  if (names.size === 0) return profile;
  const fit = profile.args?.nodeResourcesFit;
  const ignored = (resource: string): boolean => names.has(resource) || fit?.ignored?.(resource) === true;
  return { ...profile, args: { ...profile.args, nodeResourcesFit: { ...fit, ignored } } };
}

function seconds(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value * 1000;
}

function duration(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
