/** Registers the Node and keeps its status up to date: looked at every 10 s, written when it changed or after 5 min. */
import { isDeepStrictEqual } from "node:util";
import type { Node, NodeStatus, Taint } from "@knots/api/core/v1";
import { nodes } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import { type Clock, isAlreadyExists, type Logger } from "@knots/machinery";
import type { Recorder } from "../events.ts";
import { type NodeFacts, nodeStatus } from "./node-status.ts";

export interface NodeStatusUpdaterOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: Recorder;
  readonly nodeName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly unschedulable?: boolean;
  readonly registerNode: boolean;
  /** Measures now. */
  readonly facts: () => Promise<NodeFacts>;
  /** The Node as an informer knows it; where it is absent or knows none, the API server is asked. */
  readonly observed?: () => Node | undefined;
  /** 0 to 1: how far the time to the next report has run when the node is registered, so that nodes spread theirs. */
  readonly phase?: number;
  /** How often it is looked at whether the status changed; 10 s where it is absent. */
  readonly evaluateMs?: number;
  /** The Node was seen; its podCIDR may be new. */
  onNode?(node: Node): void;
}

const EVALUATE_MS = 10_000;
const REPORT_MS = 300_000;
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 7_000;

export class NodeStatusUpdater implements AsyncDisposable {
  readonly #options: NodeStatusUpdaterOptions;
  readonly #abort = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #lastReport = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;
  #node: Node | undefined;
  #poked = false;

  constructor(options: NodeStatusUpdaterOptions) {
    this.#options = options;
  }

  /** The Node as it was last written or read. */
  get node(): Node | undefined {
    return this.#node;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Evaluate now: something that bears on readiness changed. */
  poke(): void {
    this.#poked = true;
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#wake?.();
    await this.#loop;
  }

  /** Creates the Node, or adds to the one that exists what this kubelet is responsible for. */
  async register(): Promise<void> {
    const { client, nodeName, labels, taints, logger } = this.#options;
    const resource = client.resource(nodes);
    const facts = await this.#options.facts();
    const fresh: Node = {
      metadata: {
        name: nodeName,
        labels: { ...labels },
        annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
      },
      spec: {
        ...(taints.length === 0 ? {} : { taints: [...taints] }),
        ...(this.#options.unschedulable === true ? { unschedulable: true } : {}),
      },
      status: nodeStatus(facts, undefined),
    };
    try {
      this.#node = await resource.create(fresh);
      this.#lastReport = this.#options.clock.monotonic() - REPORT_MS * (this.#options.phase ?? 0);
      logger.info({ node: nodeName }, "registered node");
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const existing = await resource.get(nodeName);
      const missing = Object.fromEntries(
        Object.entries(labels).filter(([key, value]) => existing.metadata?.labels?.[key] !== value),
      );
      this.#node =
        Object.keys(missing).length === 0
          ? existing
          : await resource.patch(nodeName, { metadata: { labels: missing } }, { type: "merge" });
      logger.info({ node: nodeName }, "node was registered before");
    }
    if (this.#node !== undefined) this.#options.onNode?.(this.#node);
  }

  /** One evaluation; resolves to whether the status was written. */
  async update(): Promise<boolean> {
    const { client, nodeName, clock } = this.#options;
    const resource = client.resource(nodes);
    const current = newest(this.#node, this.#options.observed?.()) ?? (await resource.get(nodeName));
    this.#node = current;
    this.#options.onNode?.(current);
    const wanted = nodeStatus(await this.#options.facts(), current.status);
    const due = clock.monotonic() - this.#lastReport >= REPORT_MS;
    const patch = nodeStatusPatch(current.status, wanted, due);
    if (patch === undefined) return false;
    this.#node = await resource.patch(nodeName, { status: patch }, { type: "strategic", subresource: "status" });
    this.#lastReport = clock.monotonic();
    this.#announce(current.status, wanted);
    return true;
  }

  #announce(before: NodeStatus | undefined, after: NodeStatus): void {
    const { recorder, nodeName } = this.#options;
    for (const condition of after.conditions ?? []) {
      const old = before?.conditions?.find((candidate) => candidate.type === condition.type);
      if (old?.status === condition.status) continue;
      const what = CONDITION_EVENTS[condition.type]?.[condition.status === "True" ? 0 : 1];
      if (what !== undefined) {
        recorder.event(
          { apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeName },
          "Normal",
          what,
          `Node ${nodeName} status is now: ${what}`,
        );
      }
    }
  }

  async #run(): Promise<void> {
    const { clock, logger, registerNode, nodeName } = this.#options;
    let registered = !registerNode;
    let failures = 0;
    while (!this.#abort.signal.aborted) {
      this.#poked = false;
      try {
        if (!registered) {
          await this.register();
          registered = true;
        }
        await this.update();
        failures = 0;
      } catch (error) {
        if (failures === 0) logger.warn({ node: nodeName, error }, "cannot write the node status, retrying");
        failures += 1;
      }
      if (this.#abort.signal.aborted) return;
      if (this.#poked && failures === 0) continue;
      const wait =
        failures === 0
          ? (this.#options.evaluateMs ?? EVALUATE_MS)
          : Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS);
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(resolve, wait);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  }
}

/** An informer may lag behind what this kubelet wrote itself. Without one the API server is asked each time. */
function newest(own: Node | undefined, observed: Node | undefined): Node | undefined {
  if (observed === undefined || own?.metadata?.uid !== observed.metadata?.uid) return observed;
  const revision = ({ metadata }: Node): number => Number(metadata?.resourceVersion ?? 0);
  return own !== undefined && revision(own) > revision(observed) ? own : observed;
}

const CONDITION_EVENTS: Record<string, readonly [string, string]> = {
  Ready: ["NodeReady", "NodeNotReady"],
  MemoryPressure: ["NodeHasInsufficientMemory", "NodeHasSufficientMemory"],
  DiskPressure: ["NodeHasDiskPressure", "NodeHasNoDiskPressure"],
  PIDPressure: ["NodeHasInsufficientPID", "NodeHasSufficientPID"],
};

/** undefined: nothing changed but heartbeats, and none is due. */
export function nodeStatusPatch(
  current: NodeStatus | undefined,
  wanted: NodeStatus,
  due: boolean,
): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of ["capacity", "allocatable"] as const) {
    const amounts = changedAmounts(current?.[key] ?? {}, wanted[key] ?? {});
    if (Object.keys(amounts).length > 0) patch[key] = amounts;
  }
  for (const key of ["daemonEndpoints", "nodeInfo", "images", "volumesInUse"] as const) {
    if (!isDeepStrictEqual(plain(current?.[key]), plain(wanted[key]))) patch[key] = wanted[key] ?? null;
  }
  if (!isDeepStrictEqual(plain(current?.addresses), plain(wanted.addresses))) {
    patch["addresses"] =
      current?.addresses === undefined ? wanted.addresses : [...(wanted.addresses ?? []), { $patch: "replace" }];
  }
  const still = (status: NodeStatus | undefined): unknown =>
    (status?.conditions ?? [])
      .filter((condition) => (wanted.conditions ?? []).some((own) => own.type === condition.type))
      .map(({ type, status: value, reason, message }) => `${type}|${value}|${reason}|${message}`)
      .toSorted();
  const changed = !isDeepStrictEqual(still(current), still(wanted));
  if (Object.keys(patch).length === 0 && !changed && !due) return undefined;
  patch["conditions"] = wanted.conditions;
  return patch;
}

type Amounts = NonNullable<NodeStatus["capacity"]>;

/** The patch from one map to the other: what is new or different, and null for what goes. */
function changedAmounts(current: Amounts, wanted: Amounts): Record<string, unknown> {
  const changed = Object.entries(wanted).filter(([name, amount]) => current[name] !== amount);
  const gone = Object.keys(current).filter((name) => !Object.hasOwn(wanted, name));
  return Object.fromEntries([...changed, ...gone.map((name) => [name, null] as const)]);
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
