import type { Node } from "@knots/api/core/v1";
import { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { Snapshot } from "./snapshot.ts";

interface PodState {
  readonly info: PodInfo;
  readonly nodeName: string;
  /** Bound by us, not yet seen bound by the informer. */
  readonly assumed: boolean;
}

/**
 * What is known of nodes and of the pods on them: what the informers say, and ahead of them the pods that this scheduler has
 * just placed (assumed). Each change touches one node; `snapshot` costs what changed since the last one.
 */
export class Cache {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #pods = new Map<string, PodState>();
  readonly #snapshot = new Snapshot();

  /** The view for one cycle: valid until the event loop turns. */
  snapshot(): Snapshot {
    this.#snapshot.refresh(this.#nodes);
    return this.#snapshot;
  }

  get podCount(): number {
    return this.#pods.size;
  }

  isAssumed(uid: string): boolean {
    return this.#pods.get(uid)?.assumed ?? false;
  }

  /** Counts the pod on that node before the API server has said so. */
  assume(info: PodInfo, nodeName: string): void {
    if (this.#pods.has(info.uid)) throw new Error(`pod ${info.key} is in the cache already and cannot be assumed`);
    this.#place(info, nodeName, true);
  }

  /** Takes back `assume` after binding failed. Nothing where the pod was seen bound meanwhile. */
  forget(uid: string): void {
    if (this.isAssumed(uid)) this.#displace(uid);
  }

  /** A bound pod was seen: added, changed, or our own assumption come true. */
  setPod(info: PodInfo): void {
    const nodeName = info.pod.spec?.nodeName ?? "";
    this.#displace(info.uid);
    this.#place(info, nodeName, false);
  }

  removePod(uid: string): void {
    this.#displace(uid);
  }

  #place(info: PodInfo, nodeName: string, assumed: boolean): void {
    this.#pods.set(info.uid, { info, nodeName, assumed });
    const node = this.#nodeInfo(nodeName);
    node.addPod(info);
    this.#snapshot.podAdded(info, node);
  }

  #displace(uid: string): void {
    const state = this.#pods.get(uid);
    if (state === undefined) return;
    this.#pods.delete(uid);
    const node = this.#nodes.get(state.nodeName);
    if (node === undefined) return;
    node.removePod(uid);
    this.#snapshot.podRemoved(state.info, node);
    if (node.node === undefined && node.pods.size === 0) this.#nodes.delete(node.name);
  }

  #nodeInfo(name: string): NodeInfo {
    let info = this.#nodes.get(name);
    if (info === undefined) this.#nodes.set(name, (info = new NodeInfo(name)));
    return info;
  }

  setNode(node: Node): void {
    const info = this.#nodeInfo(node.metadata?.name ?? "");
    this.#snapshot.nodeChanged(info.node, node);
    info.setNode(node);
  }

  /** The node is gone; its pods are remembered until they go as well. */
  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (info === undefined) return;
    this.#snapshot.nodeChanged(info.node, undefined);
    info.setNode(undefined);
    if (info.pods.size === 0) this.#nodes.delete(name);
  }
}
