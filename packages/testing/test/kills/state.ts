// What a namespace holds in the end, without names and times that differ from run to run.
import { controllerRevisions, replicaSets } from "@knots/api/apps/v1";
import { jobs } from "@knots/api/batch/v1";
import { configMaps, persistentVolumeClaims, pods } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import { canonicalJson, getControllerOf, type KubeObject, type ResourceType } from "@knots/machinery";

const TYPES: readonly ResourceType[] = [
  pods,
  replicaSets,
  controllerRevisions,
  jobs,
  persistentVolumeClaims,
  configMaps,
];
const RANDOM_SUFFIX = /-[bcdfghjklmnpqrstvwxz2-9]{5}$/;
const UIDS = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
/** Of a CronJob's run, in the name of its Job. */
const MINUTES = /-\d{8}(?=[-" ])/g;
const TIMES = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

interface Shown extends KubeObject {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  revision?: number;
}

/** One line an object. Throws where one has an owner that does not exist, unless nobody collects garbage. */
export async function stateOf(
  client: Client,
  namespace: string,
  others: readonly ResourceType[],
  garbage: boolean,
): Promise<string[]> {
  const lists = await Promise.all(
    [...TYPES, ...others].map(async (type) => (await client.resource(type, namespace).list()).items as Shown[]),
  );
  const objects = lists.flat();
  const uids = new Set(objects.map(({ metadata }) => metadata?.uid));
  for (const { kind, metadata } of objects) {
    if (garbage) break;
    for (const { uid, name } of metadata?.ownerReferences ?? [])
      if (!uids.has(uid)) throw new Error(`${kind} ${metadata?.name} is owned by ${name}, which does not exist`);
  }
  return objects.map(lineOf).toSorted();
}

function lineOf(object: Shown): string {
  const { kind, metadata, spec, status = {}, revision } = object;
  const owner = getControllerOf(object);
  const name = (metadata?.name ?? "").replace(RANDOM_SUFFIX, "-?");
  const containers = (spec?.["containers"] ?? []) as { image: string }[];
  // How often an object was written on the way is no part of the end.
  const { uncountedTerminatedPods, conditions, observedGeneration: _seen, ...counts } = status;
  const shown = {
    owner: owner === undefined ? undefined : `${owner.kind} ${owner.name}`,
    finalizers: metadata?.finalizers,
    deleted: metadata?.deletionTimestamp === undefined ? undefined : true,
    node: spec?.["nodeName"],
    images: kind === "Pod" ? containers.map(({ image }) => image) : undefined,
    replicas: spec?.["replicas"],
    revision: revision ?? metadata?.annotations?.["deployment.kubernetes.io/revision"],
    status:
      kind === "Pod" ? status["phase"] : { ...counts, uncountedTerminatedPods, conditions: conditionsOf(conditions) },
  };
  return `${kind} ${name} ${canonicalJson(shown)}`
    .replaceAll(UIDS, "UID")
    .replaceAll(TIMES, "TIME")
    .replaceAll(MINUTES, "-MINUTE");
}

/** What they say, without what they say it with. */
function conditionsOf(conditions: unknown): string[] {
  return ((conditions ?? []) as { type: string; status: string; reason?: string }[])
    .map(({ type, status, reason }) => `${type}=${status} ${reason}`)
    .toSorted();
}
