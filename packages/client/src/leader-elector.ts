// Leader election on a Lease (coordination.k8s.io/v1), with client-go's rules and default times.
import {
  formatMicroTime,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type Clock,
  type KubeObject,
  type Logger,
  type ResourceType,
} from "@knots/machinery";
import type { Client } from "./client.ts";

interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

const LEASES: ResourceType<Lease> = {
  group: "coordination.k8s.io",
  version: "v1",
  resource: "leases",
  kind: "Lease",
  namespaced: true,
};

/** Which Lease a component holds, and for how long. */
export interface LeaderElectionOptions {
  readonly namespace: string;
  readonly name: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

/** Upstream's, for the component of that name. */
export function leaderElectionDefaults(name: string): LeaderElectionOptions {
  return { namespace: "kube-system", name, leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 };
}

export interface LeaderElectorOptions {
  client: Client;
  lock: { namespace: string; name: string };
  identity: string;
  leaseDurationMs?: number;
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
  clock: Clock;
  logger?: Logger;
  /** Runs while leading; its signal aborts when the lead is lost. */
  onStartedLeading(signal: AbortSignal): Promise<void> | void;
  onStoppedLeading?(): void;
}

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #leaseMs: number;
  readonly #deadlineMs: number;
  readonly #retryMs: number;
  /** The lease as last seen, and when on our own clock it last changed: clocks of machines differ. */
  #seen: { revision: string; at: number } | undefined;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseDurationMs ?? 15_000;
    this.#deadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryMs = options.retryPeriodMs ?? 2_000;
  }

  /** Waits for the lead, leads, and returns when the lead is lost or the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!(await this.#tryHold())) {
      if (!(await pause(clock, this.#retryMs * (1 + Math.random() * 1.2), signal))) return;
    }
    const lead = new AbortController();
    const work = Promise.resolve(this.#options.onStartedLeading(lead.signal));
    let renewed = clock.monotonic();
    while (!signal.aborted) {
      if (!(await pause(clock, this.#retryMs, signal))) break;
      if (await this.#tryHold()) renewed = clock.monotonic();
      else if (clock.monotonic() - renewed > this.#deadlineMs) break;
    }
    lead.abort(new Error("the lead was lost"));
    if (signal.aborted) await this.#release();
    this.#options.onStoppedLeading?.();
    await work;
  }

  /** True while we hold the lease. Errors count as not holding; the deadline decides. */
  async #tryHold(): Promise<boolean> {
    const { client, lock, identity, clock } = this.#options;
    const leases = client.resource(LEASES, lock.namespace);
    const now = formatMicroTime(new Date(clock.now()));
    const leaseDurationSeconds = Math.round(this.#leaseMs / 1000);
    try {
      let lease: Lease;
      try {
        lease = await leases.get(lock.name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        await leases.create({
          metadata: lock,
          spec: {
            holderIdentity: identity,
            leaseDurationSeconds,
            acquireTime: now,
            renewTime: now,
            leaseTransitions: 0,
          },
        });
        return true;
      }
      const holder = lease.spec?.holderIdentity ?? "";
      const revision = lease.metadata?.resourceVersion ?? "";
      if (this.#seen?.revision !== revision) this.#seen = { revision, at: clock.monotonic() };
      const validMs = (lease.spec?.leaseDurationSeconds ?? leaseDurationSeconds) * 1000;
      if (holder !== identity && holder !== "" && clock.monotonic() - this.#seen.at < validMs) return false;
      const taken = holder !== identity;
      await leases.update({
        ...lease,
        spec: {
          ...lease.spec,
          holderIdentity: identity,
          leaseDurationSeconds,
          renewTime: now,
          ...(taken ? { acquireTime: now, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 } : {}),
        },
      });
      return true;
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) {
        this.#options.logger?.warn(
          { lock: lock.name, error: error instanceof Error ? error.message : String(error) },
          "cannot read or renew the lease",
        );
      }
      return false;
    }
  }

  /** Gives the lease back, so that the next leader need not wait for its end. */
  async #release(): Promise<void> {
    const { client, lock, identity } = this.#options;
    try {
      const leases = client.resource(LEASES, lock.namespace);
      const lease = await leases.get(lock.name);
      if (lease.spec?.holderIdentity === identity)
        await leases.update({ ...lease, spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 } });
    } catch (error) {
      this.#options.logger?.info(
        { lock: lock.name, error: error instanceof Error ? error.message : String(error) },
        "the lease runs out by itself",
      );
    }
  }
}

/** False when the signal ended the wait. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch {
    return false;
  }
}
