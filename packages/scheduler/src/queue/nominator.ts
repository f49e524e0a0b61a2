import type { PodInfo } from "../framework/pod-info.ts";

/** Pods that preemption has promised a node to: the room that victims leave there is kept for them. */
export class Nominator {
  readonly #byNode = new Map<string, Map<string, PodInfo>>();
  readonly #nodeOf = new Map<string, string>();

  add(info: PodInfo, nodeName = info.pod.status?.nominatedNodeName ?? ""): void {
    this.delete(info.uid);
    if (nodeName === "") return;
    this.#nodeOf.set(info.uid, nodeName);
    let pods = this.#byNode.get(nodeName);
    if (pods === undefined) this.#byNode.set(nodeName, (pods = new Map()));
    pods.set(info.uid, info);
  }

  /** A new version of the pod: it keeps its nomination unless it says another node itself. */
  update(info: PodInfo): void {
    const said = info.pod.status?.nominatedNodeName ?? "";
    this.add(info, said === "" ? (this.#nodeOf.get(info.uid) ?? "") : said);
  }

  delete(uid: string): void {
    const nodeName = this.#nodeOf.get(uid);
    if (nodeName === undefined) return;
    this.#nodeOf.delete(uid);
    const pods = this.#byNode.get(nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(nodeName);
  }

  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid);
  }

  on(nodeName: string): Iterable<PodInfo> {
    return this.#byNode.get(nodeName)?.values() ?? [];
  }

  get empty(): boolean {
    return this.#byNode.size === 0;
  }

  has(nodeName: string): boolean {
    return this.#byNode.has(nodeName);
  }
}
