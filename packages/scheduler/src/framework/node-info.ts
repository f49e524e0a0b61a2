import type { Node } from "@knots/api/core/v1";
import { HostPorts } from "./host-ports.ts";
import { hasAffinity } from "./pod-info.ts";
import type { PodInfo } from "./pod-info.ts";
import { addResources, allowedPods, cloneResources, noResources, resourcesOf } from "./resources.ts";
import type { Resources } from "./resources.ts";

const NONE: ReadonlySet<string> = new Set();

/** A node with the sums of what its pods (bound and assumed) ask for, kept up to date pod by pod. */
export class NodeInfo {
  readonly name: string;
  /** Undefined while only pods name the node: it was not seen yet, or is gone. */
  node: Node | undefined;
  allocatable: Resources = noResources();
  allowedPods = 0;
  readonly pods = new Map<string, PodInfo>();
  readonly podsWithAffinity = new Map<string, PodInfo>();
  readonly podsWithRequiredAntiAffinity = new Map<string, PodInfo>();
  requested: Resources = noResources();
  nonZeroRequested = { milliCPU: 0, memory: 0 };
  hostPorts = new HostPorts();
  /** Names of the images that are there. */
  images: ReadonlySet<string> = NONE;
  /** Whether any of its taints is PreferNoSchedule. */
  prefersNoPods = false;

  constructor(name: string) {
    this.name = name;
  }

  setNode(node: Node | undefined): void {
    this.node = node;
    // Kubelets older than the field, and nodes made by hand, have capacity alone.
    const list = node?.status?.allocatable ?? node?.status?.capacity;
    this.allocatable = resourcesOf(list);
    this.allowedPods = allowedPods(list);
    const images = node?.status?.images ?? [];
    this.images = images.length === 0 ? NONE : new Set(images.flatMap(({ names }) => names ?? []));
    this.prefersNoPods = node?.spec?.taints?.some(({ effect }) => effect === "PreferNoSchedule") ?? false;
  }

  addPod(info: PodInfo): void {
    if (this.pods.has(info.uid)) this.removePod(info.uid);
    this.pods.set(info.uid, info);
    if (hasAffinity(info)) this.podsWithAffinity.set(info.uid, info);
    if (info.requiredAntiAffinity.length > 0) this.podsWithRequiredAntiAffinity.set(info.uid, info);
    this.#count(info, 1);
    for (const port of info.hostPorts) this.hostPorts.add(port);
  }

  removePod(uid: string): void {
    const info = this.pods.get(uid);
    if (info === undefined) return;
    this.pods.delete(uid);
    this.podsWithAffinity.delete(uid);
    this.podsWithRequiredAntiAffinity.delete(uid);
    this.#count(info, -1);
    for (const port of info.hostPorts) this.hostPorts.remove(port);
  }

  #count(info: PodInfo, factor: 1 | -1): void {
    addResources(this.requested, info.requests, factor);
    this.nonZeroRequested.milliCPU += factor * info.nonZero.milliCPU;
    this.nonZeroRequested.memory += factor * info.nonZero.memory;
  }

  /** A copy to try things on: what would fit if these pods were gone, or that one here. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name);
    copy.node = this.node;
    copy.allocatable = this.allocatable;
    copy.allowedPods = this.allowedPods;
    copy.images = this.images;
    copy.prefersNoPods = this.prefersNoPods;
    for (const [uid, info] of this.pods) copy.pods.set(uid, info);
    for (const [uid, info] of this.podsWithAffinity) copy.podsWithAffinity.set(uid, info);
    for (const [uid, info] of this.podsWithRequiredAntiAffinity) copy.podsWithRequiredAntiAffinity.set(uid, info);
    copy.requested = cloneResources(this.requested);
    copy.nonZeroRequested = { ...this.nonZeroRequested };
    copy.hostPorts = this.hostPorts.clone();
    return copy;
  }
}
