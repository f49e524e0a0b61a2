/** The node's heartbeat: a Lease renewed every 10 seconds, from a timer of its own that waits for nothing else. */
import { type Lease, leases } from "@knots/api/coordination/v1";
import type { Node } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import {
  type Clock,
  formatMicroTime,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type Logger,
  type Timer,
} from "@knots/machinery";

export const LEASE_NAMESPACE = "kube-node-lease";
const LEASE_SECONDS = 40;
const RENEW_MS = 10_000;
const RETRY_MS = 1_000;

export interface LeaseKeeperOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  /** The Node, once it is registered: it becomes the Lease's owner. */
  readonly node: () => Node | undefined;
  /** 0 to 1: which part of the period the first renewal waits for, so that nodes that start together spread. */
  readonly phase?: number;
}

export class LeaseKeeper implements AsyncDisposable {
  readonly #options: LeaseKeeperOptions;
  #lease: Lease | undefined;
  #timer: Timer | undefined;
  #stopped = false;
  #failing = false;
  #nextPart: number;
  #current: Promise<void> = Promise.resolve();

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#nextPart = options.phase ?? 1;
  }

  start(): void {
    this.#tick();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#current;
  }

  #tick(): void {
    if (this.#stopped) return;
    const { logger, nodeName } = this.#options;
    this.#current = this.renew().then(
      () => {
        if (this.#failing) logger.info({ node: nodeName }, "node lease is renewed again");
        this.#failing = false;
        this.#again(RENEW_MS * this.#nextPart);
        this.#nextPart = 1;
      },
      (error: unknown) => {
        if (!this.#failing) logger.warn({ node: nodeName, error }, "cannot renew the node lease");
        this.#failing = true;
        this.#again(RETRY_MS);
      },
    );
  }

  #again(ms: number): void {
    if (!this.#stopped) this.#timer = this.#options.clock.setTimeout(() => this.#tick(), ms);
  }

  /** One renewal. */
  async renew(): Promise<void> {
    const { client, clock, nodeName } = this.#options;
    const resource = client.resource(leases, LEASE_NAMESPACE);
    const node = this.#options.node();
    const wanted: Lease = {
      ...this.#lease,
      metadata: {
        ...this.#lease?.metadata,
        name: nodeName,
        namespace: LEASE_NAMESPACE,
        ...(node?.metadata?.uid === undefined
          ? {}
          : { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: node.metadata.uid }] }),
      },
      spec: {
        ...this.#lease?.spec,
        holderIdentity: nodeName,
        leaseDurationSeconds: LEASE_SECONDS,
        renewTime: formatMicroTime(new Date(clock.now())),
      },
    };
    try {
      this.#lease = this.#lease === undefined ? await resource.create(wanted) : await resource.update(wanted);
    } catch (error) {
      if (isNotFound(error)) {
        this.#lease = undefined;
      } else if (isConflict(error) || isAlreadyExists(error)) {
        this.#lease = await resource.get(nodeName);
        // The lease of this kubelet's earlier life: it goes on from there at once.
        if (isAlreadyExists(error)) return this.renew();
      }
      throw error;
    }
  }
}
