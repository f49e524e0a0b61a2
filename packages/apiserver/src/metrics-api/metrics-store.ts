import type { ContainerReading, NodeReading } from "./parse-resource-metrics.ts";

/** Readings that lie closer together say nothing of a rate. */
const SHORTEST_WINDOW_MS = 900;
/** A node that has not been read for so long is not known. */
const STALE_MS = 60_000;

export interface Measured {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly windowMs: number;
  readonly nanoCores: number;
  readonly memoryBytes: number;
}

interface Readings {
  readonly latest: NodeReading;
  readonly previous: NodeReading | undefined;
  readonly storedAt: number;
}

/** The last two readings of each node: what was used between them. */
export class MetricsStore {
  readonly #nodes = new Map<string, Readings>();
  /** Pods by the node they were last seen on. */
  readonly #nodeOfPod = new Map<string, string>();

  store(node: string, reading: NodeReading, now: number): void {
    const known = this.#nodes.get(node);
    // A kubelet answers from its memory when it is asked too soon.
    const elapsed = (reading.node?.at ?? 0) - (known?.latest.node?.at ?? 0);
    if (known !== undefined && elapsed < SHORTEST_WINDOW_MS) return;
    this.#nodes.set(node, { latest: reading, previous: known?.latest, storedAt: now });
    for (const key of reading.pods.keys()) this.#nodeOfPod.set(key, node);
  }

  /** Forgets nodes that do not exist any more, and readings that are too old. */
  sweep(nodes: ReadonlySet<string>, now: number): void {
    for (const [name, { storedAt }] of this.#nodes) {
      if (!nodes.has(name) || now - storedAt > STALE_MS) this.#nodes.delete(name);
    }
    for (const [pod, node] of this.#nodeOfPod) {
      if (this.#nodes.get(node)?.latest.pods.has(pod) !== true) this.#nodeOfPod.delete(pod);
    }
  }

  clear(): void {
    this.#nodes.clear();
    this.#nodeOfPod.clear();
  }

  /** Undefined before the second reading. */
  node(name: string): Measured | undefined {
    const { latest, previous } = this.#nodes.get(name) ?? {};
    if (latest?.node === undefined || previous?.node === undefined) return undefined;
    return between(previous.node, latest.node);
  }

  /** By container; undefined while one of them has not been read twice. */
  pod(namespace: string, name: string): ReadonlyMap<string, Measured> | undefined {
    const key = `${namespace}/${name}`;
    const readings = this.#nodes.get(this.#nodeOfPod.get(key) ?? "");
    const containers = readings?.latest.pods.get(key);
    if (containers === undefined || containers.size === 0) return undefined;
    const before = readings?.previous?.pods.get(key);
    const measured = new Map<string, Measured>();
    for (const [container, latest] of containers) {
      const one = measure(latest, before?.get(container));
      if (one === undefined) return undefined;
      measured.set(container, one);
    }
    return measured;
  }
}

function measure(latest: ContainerReading, previous: ContainerReading | undefined): Measured | undefined {
  const started = { at: latest.startedAt, cpuSeconds: 0 };
  // One that was started since the last reading has used all it has used since its start.
  const same = previous !== undefined && previous.startedAt === latest.startedAt && previous.at < latest.at;
  return between(same ? previous : started, latest);
}

function between(
  from: { readonly at: number; readonly cpuSeconds: number },
  to: { readonly at: number; readonly cpuSeconds: number; readonly memoryBytes: number },
): Measured | undefined {
  const windowMs = to.at - from.at;
  const used = to.cpuSeconds - from.cpuSeconds;
  if (windowMs < SHORTEST_WINDOW_MS || used < 0) return undefined;
  return { at: to.at, windowMs, nanoCores: Math.round((used / windowMs) * 1e12), memoryBytes: to.memoryBytes };
}
