import type { LeaderElectionOptions } from "@knots/client";
import { parseDuration } from "@knots/machinery";
import { parse } from "yaml";
import type { ProfileOptions } from "./default-profile.ts";
import { readExtenders } from "./extender/extender-config.ts";
import type { ExtenderEntry } from "./extender/extender-config.ts";
import { checkConfiguration } from "./config-validation.ts";
import { isExtensionPoint } from "./framework/extension-points.ts";
import { readPluginConfig } from "./plugin-config.ts";
import type { PluginConfig } from "./plugin-config.ts";
import type { PluginSets } from "./plugin-sets.ts";
import type { SchedulerOptions } from "./scheduler.ts";

/** What is read of `kind: KubeSchedulerConfiguration` (kubescheduler.config.k8s.io/v1). */
export interface Configuration {
  readonly apiVersion?: string;
  readonly kind?: string;
  /** Read and of no effect: nodes are looked at one after the other. */
  readonly parallelism?: number;
  readonly clientConnection?: { readonly kubeconfig?: string };
  readonly leaderElection?: {
    readonly leaderElect?: boolean;
    readonly resourceLock?: string;
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
    readonly plugins?: PluginSets;
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

/** Reads a configuration file. Throws on what it says and this scheduler does not do, rather than ignoring it. */
export function parseConfiguration(text: string): SchedulerConfiguration {
  const config = parse(text) as Configuration | null;
  if (config?.kind !== "KubeSchedulerConfiguration" || config.apiVersion !== "kubescheduler.config.k8s.io/v1") {
    throw new Error("the configuration is no KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1");
  }
  checkConfiguration(config);
  const { extenders, ignoredResources } = readExtenders(config.extenders ?? []);
  const { leaderElection: election, clientConnection } = config;
  const given = config.profiles ?? (ignoredResources.length === 0 ? undefined : [{}]);
  const profiles = given?.map((profile) => withoutResources(readProfile(profile), new Set(ignoredResources)));
  return {
    ...defined({ kubeconfig: clientConnection?.kubeconfig }),
    options: {
      ...defined({
        profiles,
        percentageOfNodesToScore: config.percentageOfNodesToScore,
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
  for (const point of Object.keys(profile.plugins ?? {}))
    if (point !== "multiPoint" && !isExtensionPoint(point))
      throw new Error(`profile ${schedulerName}: plugins.${point} is no extension point`);
  let args;
  try {
    args = readPluginConfig(profile.pluginConfig ?? []);
  } catch (error) {
    throw new Error(`profile ${schedulerName}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const { percentageOfNodesToScore: percentage } = profile;
  return {
    schedulerName,
    sets: profile.plugins ?? {},
    args,
    ...(percentage === undefined ? {} : { percentageOfNodesToScore: percentage }),
  };
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
