import type { Clock } from "@knots/machinery";
import type { UserInfo } from "../auth/types.ts";
import type { Codecs } from "../http/codecs.ts";
import { AuditRecord } from "./audit-record.ts";
import type { RecordParts } from "./audit-record.ts";
import type { Policy } from "./policy.ts";
import type { AuditBackend, AuditEvent, Level } from "./types.ts";

export interface AuditorOptions {
  readonly policy: Policy;
  readonly backends: readonly AuditBackend[];
  readonly clock: Clock;
  readonly codecs: Codecs;
}

/** Decides by the policy which requests are recorded, and hands their events to the backends. */
export class Auditor implements AsyncDisposable {
  readonly #options: AuditorOptions;
  readonly #levels = new Map<Level, number>();
  #events = 0;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  /** Undefined: the policy has nothing to say of this request. `user` undefined: it was not authenticated. */
  begin(parts: Omit<RecordParts, "treatment"> & { readonly user: UserInfo | undefined }): AuditRecord | undefined {
    const treatment = this.#options.policy(parts.user, parts.info);
    this.#levels.set(treatment.level, (this.#levels.get(treatment.level) ?? 0) + 1);
    if (treatment.level === "None") return undefined;
    const { clock, codecs } = this.#options;
    return new AuditRecord({ clock, codecs, emit: (event) => this.#emit(event) }, { ...parts, treatment });
  }

  metrics(): string {
    const levels = [...this.#levels].map(
      ([level, count]) => `apiserver_audit_level_total{level="${level}"} ${count}\n`,
    );
    return [
      "# HELP apiserver_audit_event_total Counter of audit events generated and sent to the audit backend.\n",
      "# TYPE apiserver_audit_event_total counter\n",
      `apiserver_audit_event_total ${this.#events}\n`,
      "# HELP apiserver_audit_level_total Counter of policy levels for audit events (1 per request).\n",
      "# TYPE apiserver_audit_level_total counter\n",
      ...levels,
    ].join("");
  }

  /** Resolves when everything has been written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#options.backends.map((backend) => backend[Symbol.asyncDispose]()));
  }

  /** What the request waits for; undefined where it need not wait. */
  #emit(event: AuditEvent): Promise<boolean> | undefined {
    this.#events++;
    let waits: Promise<boolean>[] | undefined;
    for (const backend of this.#options.backends) {
      const wait = backend.write(event);
      if (wait !== undefined) (waits ??= []).push(wait);
    }
    return waits === undefined ? undefined : Promise.all(waits).then((kept) => kept.every(Boolean));
  }
}
