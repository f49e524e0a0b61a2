import { isDeepStrictEqual } from "node:util";
import type { Node, Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import type { Informer, InformerFactory } from "@knots/client";
import type { Cache } from "./cache/cache.ts";
import { podInfo } from "./framework/pod-info.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import type { WaitingPods } from "./framework/waiting-pods.ts";
import { nodeEvents } from "./node-events.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";

/** Pods that have ended hold nothing. */
const LIVE_PODS = "status.phase!=Succeeded,status.phase!=Failed";

export interface Wiring {
  readonly informers: InformerFactory;
  readonly cache: Cache;
  readonly queue: SchedulingQueue;
  readonly waitingPods: WaitingPods;
  /** Whether one of our profiles is meant by spec.schedulerName. */
  readonly isOurs: (pod: Pod) => boolean;
  /** What is kept of a pod. */
  readonly transform: (pod: Pod) => Pod;
}

function isEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

function claimsOf({ status }: Pod): unknown {
  return status?.resourceClaimStatuses;
}

/** Whether an update of a waiting pod may make it schedulable: its own wishes changed, not only its status. */
export function wishesChanged(old: Pod, pod: Pod): boolean {
  const { generation } = pod.metadata ?? {};
  // The generation moves with the spec; most updates are a kubelet's of the status.
  const sameSpec = generation !== undefined && generation === old.metadata?.generation;
  return (
    JSON.stringify(old.metadata?.labels) !== JSON.stringify(pod.metadata?.labels) ||
    (pod.spec?.resourceClaims !== undefined && !isDeepStrictEqual(claimsOf(old), claimsOf(pod))) ||
    (!sameSpec && JSON.stringify(old.spec) !== JSON.stringify(pod.spec))
  );
}

/** Leads what the informers say of pods and nodes into cache and queue. */
export function wirePodsAndNodes({ informers, cache, queue, waitingPods, isOurs, transform }: Wiring): Informer<Pod> {
  const podInformer = informers.informer(pods, { fieldSelector: LIVE_PODS, transform });
  const nodeInformer = informers.informer(nodes);

  const assigned = (old: Pod | undefined, pod: Pod): void => {
    const info = podInfo(pod);
    const known = old !== undefined && !!old.spec?.nodeName;
    queue.delete(info.uid);
    cache.setPod(info);
    if (!known) queue.event("AssignedPodAdd", undefined, info);
    else if (wishesChanged(old, pod)) queue.event("AssignedPodUpdate", podInfo(old), info);
  };
  const released = (info: PodInfo): void => {
    cache.removePod(info.uid);
    queue.event("AssignedPodDelete", info, undefined);
  };
  const remove = (pod: Pod): void => {
    const info = podInfo(pod);
    const held = !!pod.spec?.nodeName || cache.isAssumed(info.uid);
    queue.delete(info.uid);
    waitingPods.reject(info.uid, "", "removed");
    if (held) released(info);
  };
  const waiting = (old: Pod | undefined, pod: Pod): void => {
    const { metadata } = pod;
    if (metadata?.deletionTimestamp !== undefined) {
      waitingPods.reject(metadata.uid ?? "", "", "removed");
      return queue.delete(metadata.uid ?? "");
    }
    if (!isOurs(pod) || cache.isAssumed(metadata?.uid ?? "")) return;
    queue.put(podInfo(pod), old !== undefined && wishesChanged(old, pod));
  };
  const seen = (old: Pod | undefined, pod: Pod): void => {
    if (isEnded(pod)) remove(pod);
    else if (pod.spec?.nodeName) assigned(old, pod);
    else waiting(old, pod);
  };
  podInformer.addHandler({
    add: (pod) => seen(undefined, pod),
    update(old, pod) {
      // Deleted and made anew between two looks.
      if (old.metadata?.uid !== pod.metadata?.uid) {
        remove(old);
        seen(undefined, pod);
      } else seen(old, pod);
    },
    delete: remove,
  });
  nodeInformer.addHandler({
    add(node: Node) {
      cache.setNode(node);
      queue.event("NodeAdd", undefined, node);
    },
    update(old, node) {
      cache.setNode(node);
      for (const event of nodeEvents(old, node)) queue.event(event, old, node);
    },
    delete: (node) => cache.removeNode(node.metadata?.name ?? ""),
  });
  return podInformer;
}
