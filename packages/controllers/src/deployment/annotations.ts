import type { Deployment, ReplicaSet } from "@knots/api/apps/v1";
import { replicasOf } from "./replica-sets.ts";
import { maxSurge } from "./limits.ts";

export const REVISION = "deployment.kubernetes.io/revision";
/** Revisions an RS had before it was rolled back to, comma-separated. */
export const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
/** Size of the Deployment when the RS was last scaled: differs → the user scaled the Deployment. */
export const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
/** desired-replicas and the surge allowed then: the whole of which proportions are taken. */
export const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";
export const POD_TEMPLATE_HASH = "pod-template-hash";

const MAX_HISTORY_CHARS = 2000;
const NOT_COPIED: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

type Annotations = Record<string, string>;

/** Revisions are 64-bit integers, and adopted ReplicaSets may bring any of them. */
const MAX_INT64 = 2n ** 63n - 1n;

function parseRevision(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.replace("+", ""));
  return value <= MAX_INT64 && value >= -MAX_INT64 ? value : undefined;
}

/** 0 where there is none, or none that can be read. */
export function revisionOf(rs: ReplicaSet): bigint {
  return parseRevision(rs.metadata?.annotations?.[REVISION]) ?? 0n;
}

export function maxRevision(replicaSets: readonly ReplicaSet[]): bigint {
  return replicaSets.map(revisionOf).reduce((max, each) => (each > max ? each : max), 0n);
}

/** An integer annotation; undefined where it is missing or no number. */
export function intAnnotation(rs: ReplicaSet, name: string): number | undefined {
  const text = rs.metadata?.annotations?.[name];
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** The size annotations an RS gets whenever it is scaled. */
export function replicasAnnotations(deployment: Deployment): Annotations {
  const desired = replicasOf(deployment);
  return { [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(desired + maxSurge(deployment)) };
}

/**
 * Annotations of the new RS: its own, the Deployment's, and `revision` unless it has that or a later one. An RS that had an
 * earlier revision is being rolled back to; its history keeps that one.
 */
export function newReplicaSetAnnotations(deployment: Deployment, existing: Annotations, revision: bigint): Annotations {
  const annotations = { ...existing };
  for (const [key, value] of Object.entries(deployment.metadata?.annotations ?? {})) {
    if (!NOT_COPIED.has(key)) annotations[key] = value;
  }
  const old = annotations[REVISION];
  const oldRevision = parseRevision(old ?? "0");
  if (oldRevision === undefined || oldRevision >= revision) return annotations;
  annotations[REVISION] = String(revision);
  if (old !== undefined) {
    const history = appendHistory(annotations[REVISION_HISTORY], old);
    if (history !== undefined) annotations[REVISION_HISTORY] = history;
  }
  return annotations;
}

function appendHistory(history: string | undefined, revision: string): string | undefined {
  const revisions = history ? history.split(",") : [];
  revisions.push(revision);
  while (revisions.length > 1 && revisions.join(",").length > MAX_HISTORY_CHARS) revisions.shift();
  return revisions.join(",").length <= MAX_HISTORY_CHARS ? revisions.join(",") : undefined;
}
