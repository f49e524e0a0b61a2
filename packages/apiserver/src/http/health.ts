import { sendText } from "./respond.ts";
import type { RequestContext } from "./types.ts";

/** One named check; a reason when it fails. Must be quick and synchronous. */
export interface HealthCheck {
  readonly name: string;
  readonly check: () => string | undefined;
}

/** /healthz, /livez and /readyz with their single checks, ?verbose and ?exclude=. */
export class Health {
  /** How checks came out, by their labels in metrics. */
  readonly #outcomes = new Map<string, Outcomes>();
  readonly #checks: Readonly<Record<string, readonly HealthCheck[]>>;

  constructor(checks: { readonly livez: readonly HealthCheck[]; readonly readyz: readonly HealthCheck[] }) {
    this.#checks = { livez: checks.livez, readyz: checks.readyz, healthz: checks.livez };
  }

  /** Every path that is answered. */
  *paths(): Generator<string> {
    for (const [endpoint, checks] of Object.entries(this.#checks)) {
      yield `/${endpoint}`;
      for (const { name } of checks) yield `/${endpoint}/${name}`;
    }
  }

  /** False when the path is none of these. */
  handle(ctx: RequestContext): boolean {
    const [, endpoint = "", single] = /^\/(\w+)(?:\/(.*))?$/.exec(ctx.info.path) ?? [];
    const checks = Object.hasOwn(this.#checks, endpoint) ? this.#checks[endpoint] : undefined;
    if (checks === undefined) return false;
    if (single !== undefined) {
      const check = checks.find((candidate) => candidate.name === single);
      if (check === undefined) return false;
      const reason = check.check();
      if (reason === undefined) sendText(ctx.response, 200, "ok");
      else sendText(ctx.response, 500, `internal server error: ${reason}\n`);
      return true;
    }
    const excluded = new Set(ctx.info.query.getAll("exclude"));
    const lines: string[] = [];
    let failed = false;
    for (const { name, check } of checks) {
      if (excluded.delete(name)) {
        lines.push(`[+]${name} excluded: ok`);
        continue;
      }
      const reason = check();
      this.#note(name, endpoint, reason === undefined);
      failed ||= reason !== undefined;
      lines.push(reason === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
    }
    if (excluded.size > 0) {
      const names = [...excluded].sort().map((name) => JSON.stringify(name));
      lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(",")}`);
    }
    if (failed) sendText(ctx.response, 500, `${lines.join("\n")}\n${endpoint} check failed\n`);
    else if (ctx.info.query.has("verbose"))
      sendText(ctx.response, 200, `${lines.join("\n")}\n${endpoint} check passed\n`);
    else sendText(ctx.response, 200, "ok");
    return true;
  }

  /** /metrics/slis: how the checks came out that somebody has asked for. */
  metrics(): string {
    const lines = [
      "# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.",
      "# TYPE kubernetes_healthcheck gauge",
    ];
    for (const [labels, { last }] of this.#outcomes)
      lines.push(`kubernetes_healthcheck{${labels}} ${last === "success" ? 1 : 0}`);
    lines.push(
      "# HELP kubernetes_healthchecks_total [STABLE] This metric records the results of all healthcheck.",
      "# TYPE kubernetes_healthchecks_total counter",
    );
    for (const [labels, { counts }] of this.#outcomes)
      for (const [status, count] of counts) {
        const [name, type] = labels.split(",");
        lines.push(`kubernetes_healthchecks_total{${name},status="${status}",${type}} ${count}`);
      }
    return `${lines.join("\n")}\n`;
  }

  #note(name: string, type: string, good: boolean): void {
    const labels = `name="${name}",type="${type}"`;
    const outcomes: Outcomes = this.#outcomes.get(labels) ?? { last: "", counts: new Map() };
    outcomes.last = good ? "success" : "error";
    outcomes.counts.set(outcomes.last, (outcomes.counts.get(outcomes.last) ?? 0) + 1);
    this.#outcomes.set(labels, outcomes);
  }
}

interface Outcomes {
  last: string;
  /** By status. */
  readonly counts: Map<string, number>;
}
