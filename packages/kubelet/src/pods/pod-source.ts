/** Pods from the API server: each change goes to the worker, the status manager or the mirrors it concerns. */
import type { Pod } from "@knots/api/core/v1";
import type { Handler, Informer } from "@knots/client";
import type { Logger } from "@knots/machinery";
import type { ObjectReader } from "../objects/object-reader.ts";
import type { StatusManager } from "../status/status-manager.ts";
import type { MirrorPods } from "./mirror-pods.ts";
import type { PodWorkers, WorkerView } from "./pod-workers.ts";
import { isMirrorPod, isStaticPod } from "./static-pods.ts";

export interface PodChangesOptions {
  readonly workers: PodWorkers;
  readonly statuses: StatusManager;
  readonly mirrors: MirrorPods;
  readonly objects: ObjectReader;
  readonly logger: Logger;
  /** The static pods have been read: a mirror without one is nobody's. */
  readonly staticPodsKnown: () => boolean;
}

export function followPods(informer: Informer<Pod>, options: PodChangesOptions): Disposable {
  return informer.addHandler(podChanges(options));
}

/** What is done with each change of a pod of this node. */
export function podChanges(options: PodChangesOptions): Required<Handler<Pod>> {
  const { workers, statuses, objects } = options;
  const changed = (pod: Pod, old: Pod | undefined): void => {
    if (isMirrorPod(pod)) {
      mirrorChanged(options, pod, old === undefined);
      return;
    }
    const uid = pod.metadata?.uid ?? "";
    statuses.observe(uid, pod);
    if (old !== undefined && runsTheSame(old, pod)) {
      workers.note(pod);
      return;
    }
    // What the pod refers to shall be seen as it is now.
    objects.invalidate(pod.metadata?.namespace ?? "");
    workers.update(pod);
  };
  return {
    add: (pod: Pod) => changed(pod, undefined),
    update: (old: Pod, pod: Pod) => {
      const same = old.metadata?.uid === pod.metadata?.uid;
      if (!same && !isMirrorPod(old)) workers.remove(old.metadata?.uid ?? "");
      changed(pod, same ? old : undefined);
    },
    delete: (pod: Pod) => {
      if (!isMirrorPod(pod)) workers.remove(pod.metadata?.uid ?? "");
      // Somebody deleted a mirror: its pod runs on and makes a new one.
      else for (const worker of workers.list()) if (isStaticPod(worker.pod)) workers.poke(worker.uid);
    },
  };
}

function mirrorChanged(options: PodChangesOptions, mirror: Pod, isNew: boolean): void {
  const { workers, statuses, staticPodsKnown } = options;
  const owner = ownerOf(options, mirror);
  if (owner === undefined) {
    if (staticPodsKnown()) deleteMirror(options, mirror);
    return;
  }
  // The mirror may go; the static pod stays until its manifest does.
  if (mirror.metadata?.deletionTimestamp !== undefined) deleteMirror(options, mirror);
  statuses.observe(owner.uid, mirror);
  if (isNew) statuses.republish(owner.uid);
  if (isNew) workers.poke(owner.uid);
}

function ownerOf({ workers, mirrors }: PodChangesOptions, mirror: Pod): WorkerView | undefined {
  return workers
    .list()
    .find((worker) => isStaticPod(worker.pod) && mirrors.of(worker.pod)?.metadata?.uid === mirror.metadata?.uid);
}

function deleteMirror({ mirrors, logger }: PodChangesOptions, pod: Pod): void {
  mirrors
    .delete(pod)
    .catch((error: unknown) => logger.warn({ pod: pod.metadata?.name, error }, "cannot delete mirror pod"));
}

/**
 * Whether two versions differ in nothing that bears on how the pod runs, or whether it is ready by the word of others;
 * then it was our own writing of its status.
 */
function runsTheSame(old: Pod, pod: Pod): boolean {
  const relevant = ({ spec, metadata, status }: Pod): string =>
    JSON.stringify([
      spec,
      metadata?.labels,
      metadata?.annotations,
      metadata?.deletionTimestamp,
      metadata?.deletionGracePeriodSeconds,
      metadata?.generation,
      spec?.readinessGates?.map(
        (gate) => status?.conditions?.find((condition) => condition.type === gate.conditionType)?.status,
      ),
    ]);
  return relevant(old) === relevant(pod);
}
