// What the scheduling benchmark puts into a cluster, and how it sees what became of it.
import { namespaces, nodes, pods, serviceAccounts, type Node, type Pod } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import type { KubeObject, ResourceType } from "@knots/machinery";

/** Requests under way at a time: enough to keep the server busy, as many as a client's connection carries. */
const IN_FLIGHT = 100;

/** Runs `work` for each index, so many at a time. */
export async function many(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, worker));
}

/** A Node without a kubelet, as upstream's scheduler_perf makes them. */
export function bareNode(index: number): Node {
  const room = { cpu: "32", memory: "64Gi", pods: "110" };
  return {
    metadata: {
      name: `bare-${index}`,
      labels: {
        "kubernetes.io/hostname": `bare-${index}`,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": `zone-${index % 10}`,
      },
    },
    status: { capacity: room, allocatable: room, conditions: [{ type: "Ready", status: "True" }] },
  };
}

export async function createNodes(client: Client, count: number): Promise<void> {
  await many(count, (index) => client.resource(nodes).create(bareNode(index)));
}

export type PodShape = "plain" | "spread" | "anti-affinity";

export function benchPod(name: string, shape: PodShape, schedulerName?: string): Pod {
  const labels = { app: shape };
  const labelSelector = { matchLabels: labels };
  return {
    metadata: { name, labels },
    spec: {
      ...(schedulerName === undefined ? {} : { schedulerName }),
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "main",
          image: "registry.k8s.io/pause:3.10",
          resources: { requests: { cpu: "100m", memory: "500Mi" } },
        },
      ],
      ...(shape === "spread"
        ? {
            topologySpreadConstraints: [
              {
                maxSkew: 5,
                topologyKey: "topology.kubernetes.io/zone",
                whenUnsatisfiable: "ScheduleAnyway" as const,
                labelSelector,
              },
            ],
          }
        : {}),
      ...(shape === "anti-affinity"
        ? {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { topologyKey: "kubernetes.io/hostname", labelSelector },
                ],
              },
            },
          }
        : {}),
    },
  };
}

/** With the service account that pods need, which a controller would make. */
export async function createNamespace(client: Client, name: string): Promise<void> {
  await client.resource(namespaces).create({ metadata: { name } });
  await client.resource(serviceAccounts, name).create({ metadata: { name: "default" } });
}

/** Counts objects of a namespace as a watcher sees them come into a selection. */
export class Counter implements Disposable {
  readonly #abort = new AbortController();
  readonly #seen = new Set<string>();
  readonly #waiting: { count: number; resolve: () => void }[] = [];
  readonly failed: Promise<never>;
  readonly #fail: (error: Error) => void;

  private constructor() {
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.#fail = reject;
    promise.catch(() => undefined);
  }

  /** Resolves once the watch is there. `counts`: whether an object is one of those counted. */
  static async watch<T extends KubeObject>(
    client: Client,
    type: ResourceType<T>,
    namespace: string,
    counts: (object: T) => boolean,
    fieldSelector?: string,
  ): Promise<Counter> {
    const counter = new Counter();
    const resource = client.resource(type, namespace);
    const { metadata } = await resource.list({ limit: 1 });
    const follow = async (): Promise<void> => {
      const events = resource.watch({
        resourceVersion: metadata.resourceVersion ?? "",
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
        signal: counter.#abort.signal,
      });
      for await (const { type: kind, object } of events) {
        if (kind === "ERROR") throw new Error(`the watch broke: ${JSON.stringify(object)}`);
        if (kind !== "DELETED" && counts(object)) counter.#saw(object.metadata?.name ?? "");
      }
      if (!counter.#abort.signal.aborted) throw new Error("the watch ended before everything was seen");
    };
    follow().catch((error: unknown) => {
      if (!counter.#abort.signal.aborted) counter.#fail(error instanceof Error ? error : new Error(String(error)));
    });
    return counter;
  }

  get count(): number {
    return this.#seen.size;
  }

  #saw(name: string): void {
    this.#seen.add(name);
    for (const waiting of this.#waiting) if (this.#seen.size >= waiting.count) waiting.resolve();
  }

  /** Rejects after `seconds`. */
  async reach(count: number, seconds: number): Promise<void> {
    if (this.#seen.size >= count) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve });
    const timer = setTimeout(
      () => reject(new Error(`${this.#seen.size} of ${count} after ${seconds} s`)),
      seconds * 1000,
    );
    try {
      await Promise.race([promise, this.failed]);
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#abort.abort(new Error("counted"));
  }
}

/** Pods that have a node, as they get it. */
export async function countBound(client: Client, namespace: string): Promise<Counter> {
  return Counter.watch(client, pods, namespace, ({ spec }) => !!spec?.nodeName, "spec.nodeName!=");
}

/** Deletes a namespace's pods and waits until they are gone. Bare nodes have no kubelet to end them: no grace. */
export async function removePods(client: Client, namespace: string): Promise<void> {
  const resource = client.resource(pods, namespace);
  for (let round = 0; round < 100; round++) {
    await resource.deleteCollection({ gracePeriodSeconds: 0 });
    if ((await resource.list({ limit: 1 })).items.length === 0) return;
  }
  throw new Error(`pods of ${namespace} do not go`);
}
