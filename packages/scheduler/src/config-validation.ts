// What upstream refuses of a KubeSchedulerConfiguration, in its words.
import {
  FieldPath,
  duplicate,
  formatFieldError,
  invalid,
  isQualifiedName,
  parseDuration,
  required,
} from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import type { Configuration } from "./config.ts";

const FIELDS = new Set([
  "apiVersion",
  "kind",
  "parallelism",
  "leaderElection",
  "clientConnection",
  "enableProfiling",
  "enableContentionProfiling",
  "percentageOfNodesToScore",
  "podInitialBackoffSeconds",
  "podMaxBackoffSeconds",
  "profiles",
  "extenders",
  "delayCacheUntilActive",
]);
const DEFAULT_INITIAL_BACKOFF = 1;
const DEFAULT_MAX_BACKOFF = 10;

/** Throws with all that is wrong at once. */
export function checkConfiguration(config: Configuration): void {
  const unknown = Object.keys(config).filter((name) => !FIELDS.has(name));
  if (unknown.length > 0)
    throw new Error(
      `strict decoding error: ${unknown.map((name) => `unknown field ${JSON.stringify(name)}`).join(", ")}`,
    );
  const errors: FieldError[] = [];
  const at = (name: string): FieldPath => FieldPath.root(name);
  if (config.parallelism !== undefined && config.parallelism <= 0)
    errors.push(invalid(at("parallelism"), config.parallelism, "should be an integer value greater than zero"));
  checkElection(config, errors);
  checkProfiles(config, errors);
  checkPercentage(config.percentageOfNodesToScore, at("percentageOfNodesToScore"), errors);
  const {
    podInitialBackoffSeconds: initial = DEFAULT_INITIAL_BACKOFF,
    podMaxBackoffSeconds: max = DEFAULT_MAX_BACKOFF,
  } = config;
  if (initial <= 0) errors.push(invalid(at("podInitialBackoffSeconds"), initial, "must be greater than 0"));
  if (max < initial)
    errors.push(invalid(at("podMaxBackoffSeconds"), max, "must be greater than or equal to PodInitialBackoffSeconds"));
  checkResources(config, errors);
  if (errors.length === 1) throw new Error(errors.map(formatFieldError).join());
  if (errors.length > 1) throw new Error(`[${errors.map(formatFieldError).join(", ")}]`);
}

function checkPercentage(value: number | undefined, path: FieldPath, errors: FieldError[]): void {
  if (value !== undefined && (value < 0 || value > 100))
    errors.push(invalid(path, value, "not in valid range [0-100]"));
}

function checkElection({ leaderElection }: Configuration, errors: FieldError[]): void {
  if (leaderElection === undefined || leaderElection.leaderElect === false) return;
  const path = FieldPath.root("leaderElection");
  const { resourceLock = "leases", leaseDuration = "15s", renewDeadline = "10s", retryPeriod = "2s" } = leaderElection;
  const [lease, renew, retry] = [leaseDuration, renewDeadline, retryPeriod].map((text) => parseDuration(text));
  if (lease !== undefined && renew !== undefined && lease <= renew)
    errors.push(
      invalid(path.child("leaseDuration"), renewDeadline, "LeaseDuration must be greater than RenewDeadline"),
    );
  for (const [name, text, ms] of [
    ["leaseDuration", leaseDuration, lease],
    ["renewDeadline", renewDeadline, renew],
    ["retryPeriod", retryPeriod, retry],
  ] as const)
    if (ms !== undefined && ms <= 0) errors.push(invalid(path.child(name), text, "must be greater than zero"));
  if (resourceLock !== "leases")
    errors.push(invalid(path.child("resourceLock"), resourceLock, 'resourceLock value must be "leases"'));
}

function checkProfiles({ profiles = [] }: Configuration, errors: FieldError[]): void {
  const path = FieldPath.root("profiles");
  const seen = new Map<string, number>();
  for (const [index, profile] of profiles.entries()) {
    const at = path.index(index);
    // The one profile that needs no name is the default scheduler's.
    if (!profile.schedulerName && profiles.length > 1) errors.push(required(at.child("schedulerName"), ""));
    checkPercentage(profile.percentageOfNodesToScore, at.child("percentageOfNodesToScore"), errors);
    const first = seen.get(profile.schedulerName ?? "");
    if (first === undefined) seen.set(profile.schedulerName ?? "", index);
    else errors.push(duplicate(at.child("schedulerName"), path.index(first).child("schedulerName").toString()));
    const names = (profile.pluginConfig ?? []).map(({ name }) => name);
    for (const [i, name] of names.entries())
      if (names.indexOf(name) < i) errors.push(duplicate(at.child("pluginConfig").index(i), name));
    const sorted = JSON.stringify(profile.plugins?.queueSort ?? {});
    if (sorted !== JSON.stringify(profiles[0]?.plugins?.queueSort ?? {})) {
      const where = at.child("plugins").child("queueSort");
      errors.push(invalid(where, profile.plugins?.queueSort ?? {}, "must be the same for all profiles"));
    }
  }
}

function checkResources({ extenders = [] }: Configuration, errors: FieldError[]): void {
  for (const [i, { managedResources = [] }] of extenders.entries())
    for (const [j, { name }] of managedResources.entries()) {
      const at = FieldPath.root("extenders").index(i).child("managedResources").index(j).child("name");
      const why = isQualifiedName(name);
      for (const each of why) errors.push(invalid(at, name, each));
      if (why.length === 0 && !isExtended(name)) errors.push(invalid(at, name, "is an invalid extended resource name"));
    }
}

/** Not one of Kubernetes' own, nor the request of a quota. */
function isExtended(name: string): boolean {
  const [domain = "", rest] = name.split("/");
  return rest !== undefined && !/(^|\.)kubernetes\.io$/.test(domain) && !name.startsWith("requests.");
}
