// The Lease by which an API server says that it is there (KEP-1965), and the end of those of servers that are not.
import { createHash, randomUUID } from "node:crypto";
import type { Lease } from "@knots/api/coordination/v1";
import { leases } from "@knots/api/coordination/v1";
import { formatMicroTime, isAlreadyExists, isConflict, isNotFound } from "@knots/machinery";
import type { Clock, Logger, Timer } from "@knots/machinery";
import type { Registry } from "../registry/registry.ts";

const NAMESPACE = "kube-system";
const IDENTITY_LABEL = "apiserver.kubernetes.io/identity";
/** Upstream's figures. */
const RENEW_MS = 10_000;
const DURATION_SECONDS = 3600;
const COLLECT_MS = 3_600_000;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** "apiserver-" and a hash of the host's name, as upstream makes it: the first sixteen bytes in base 32. */
export function serverIdentity(hostname: string): string {
  const hash = createHash("sha256").update(hostname).digest().subarray(0, 16);
  let [bits, value, text] = [0, 0, ""];
  for (const byte of hash) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31] ?? "";
    value &= 31;
  }
  return `apiserver-${text}${bits === 0 ? "" : (BASE32[(value << (5 - bits)) & 31] ?? "")}`;
}

/** Whether nobody has renewed it for as long as it said it lasts. */
export function isExpired({ spec }: Lease, now: number): boolean {
  if (spec?.renewTime === undefined || spec.leaseDurationSeconds === undefined) return true;
  return Date.parse(spec.renewTime) + spec.leaseDurationSeconds * 1000 < now;
}

export interface IdentityLeaseOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostname: string;
}

export class IdentityLease implements AsyncDisposable {
  readonly #options: IdentityLeaseOptions;
  readonly #name: string;
  readonly #holder: string;
  readonly #timers: Timer[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(options: IdentityLeaseOptions) {
    this.#options = options;
    this.#name = serverIdentity(options.hostname);
    this.#holder = `${this.#name}_${randomUUID()}`;
  }

  /** Throws what the first renewal throws. */
  async start(): Promise<void> {
    await this.#renew();
    this.#every(RENEW_MS, () => this.#renew());
    this.#every(COLLECT_MS, () => this.#collect());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.#running;
  }

  #every(ms: number, work: () => Promise<void>): void {
    const { clock, logger } = this.#options;
    const run = (): void => {
      this.#running = this.#running
        .then(work)
        .catch((error: unknown) => logger.warn({ err: error }, "the API server's identity lease could not be kept"));
    };
    this.#timers.push(clock.setInterval(run, ms));
  }

  async #renew(): Promise<void> {
    const { registry, clock } = this.#options;
    const now = formatMicroTime(new Date(clock.now()));
    const storage = registry.storageFor(leases);
    const labels = { [IDENTITY_LABEL]: "kube-apiserver", "kubernetes.io/hostname": this.#options.hostname };
    const spec = { holderIdentity: this.#holder, leaseDurationSeconds: DURATION_SECONDS, renewTime: now };
    try {
      if (registry.get(leases, NAMESPACE, this.#name) === undefined) {
        const metadata = { name: this.#name, namespace: NAMESPACE, labels };
        const lease: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
        await storage.create(registry.system(), NAMESPACE, lease);
        return;
      }
      await storage.update(registry.system(), {
        namespace: NAMESPACE,
        name: this.#name,
        retryOnConflict: true,
        transform(latest) {
          const next = structuredClone(latest) as Lease;
          next.metadata = { ...next.metadata, labels: { ...next.metadata?.labels, ...labels } };
          next.spec = { ...next.spec, ...spec };
          return next;
        },
      });
    } catch (error) {
      // A server of the same host, or whoever deletes it, was faster; the next renewal sees what there is then.
      if (!isAlreadyExists(error) && !isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  async #collect(): Promise<void> {
    const { registry, clock } = this.#options;
    for (const lease of registry.list<Lease>(leases, NAMESPACE)) {
      const { name = "", uid = "", labels } = lease.metadata ?? {};
      if (labels?.[IDENTITY_LABEL] === undefined || !isExpired(lease, clock.now())) continue;
      try {
        await registry.storageFor(leases).delete(registry.system(), NAMESPACE, name, { preconditions: { uid } });
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
    }
  }
}
