// apiserver_admission_webhook_*: how long webhooks take, and what they refuse (upstream: admission/metrics).
import { StatusError } from "@knots/machinery";
import type { AdmissionAttributes } from "../types.ts";
import { CallingWebhookError, isRejection } from "./errors.ts";

const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
const DURATION = "apiserver_admission_webhook_admission_duration_seconds";
const REQUESTS = "apiserver_admission_webhook_request_total";
const REJECTIONS = "apiserver_admission_webhook_rejection_count";
const FAIL_OPEN = "apiserver_admission_webhook_fail_open_count";
/** Codes beyond are counted as this one. */
const MAX_CODE = 600;
/** What upstream counts for a webhook that cannot be asked. */
const UNAVAILABLE = 503;

export type WebhookType = "admit" | "validating";

interface Series {
  readonly buckets: number[];
  seconds: number;
  count: number;
}

export interface WebhookCall {
  readonly name: string;
  readonly type: WebhookType;
  readonly operation: AdmissionAttributes["operation"];
  readonly seconds: number;
  /** Whether the failure policy lets requests pass. */
  readonly ignoreFailure: boolean;
  /** What the call ended with; undefined when the webhook allowed the request. */
  readonly error: unknown;
}

export class WebhookMetrics {
  readonly #durations = new Map<string, Series>();
  readonly #requests = new Map<string, number>();
  readonly #rejections = new Map<string, number>();
  readonly #failedOpen = new Map<string, number>();

  observe({ name, type, operation, seconds, ignoreFailure, error }: WebhookCall): void {
    const calling = error instanceof CallingWebhookError;
    const rejected = error !== undefined && !(calling && ignoreFailure);
    const code = error === undefined ? 200 : calling ? UNAVAILABLE : codeOf(error);
    const base = { name, type, operation };
    this.#time(labels({ ...base, rejected }), seconds);
    count(this.#requests, labels({ ...base, code, rejected }));
    if (rejected) {
      const errorType = calling
        ? "calling_webhook_error"
        : isRejection(error)
          ? "no_error"
          : "apiserver_internal_error";
      count(this.#rejections, labels({ ...base, error_type: errorType, rejection_code: code }));
    }
  }

  /** A webhook could not be asked, and the request went on. */
  failedOpen(name: string, type: WebhookType): void {
    count(this.#failedOpen, labels({ name, type }));
  }

  /** In the text format of Prometheus. */
  render(): string {
    const lines: string[] = [];
    const help = (metric: string, type: string, text: string): void =>
      void lines.push(`# HELP ${metric} ${text}`, `# TYPE ${metric} ${type}`);
    const counters = (metric: string, of: ReadonlyMap<string, number>, text: string): void => {
      if (of.size === 0) return;
      help(metric, "counter", text);
      for (const [key, value] of of) lines.push(`${metric}{${key}} ${value}`);
    };
    if (this.#durations.size > 0) {
      help(
        DURATION,
        "histogram",
        "Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
      );
    }
    for (const [key, { buckets, seconds, count: total }] of this.#durations) {
      let below = 0;
      for (const [i, bound] of BUCKETS.entries()) {
        below += buckets[i] ?? 0;
        lines.push(`${DURATION}_bucket{${key},le="${bound}"} ${below}`);
      }
      lines.push(`${DURATION}_bucket{${key},le="+Inf"} ${total}`);
      lines.push(`${DURATION}_sum{${key}} ${seconds}`, `${DURATION}_count{${key}} ${total}`);
    }
    counters(
      REQUESTS,
      this.#requests,
      "Admission webhook request total, identified by name and broken out for each admission type (validating or mutating) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code. Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.",
    );
    counters(
      REJECTIONS,
      this.#rejections,
      "Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code if the webhook rejects the request with an HTTP status code (honored by the apiserver when the code is greater or equal to 400). Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.",
    );
    counters(
      FAIL_OPEN,
      this.#failedOpen,
      "Admission webhook fail open count, identified by name and broken out for each admission type (validating or mutating).",
    );
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  #time(key: string, seconds: number): void {
    let series = this.#durations.get(key);
    if (series === undefined) {
      series = { buckets: BUCKETS.map(() => 0), seconds: 0, count: 0 };
      this.#durations.set(key, series);
    }
    const at = BUCKETS.findIndex((bound) => seconds <= bound);
    if (at >= 0) series.buckets[at] = (series.buckets[at] ?? 0) + 1;
    series.seconds += seconds;
    series.count++;
  }
}

/** Of what a webhook refused with; 0 for what is no webhook's word. */
function codeOf(error: unknown): number {
  return isRejection(error) && error instanceof StatusError ? Math.min(error.code, MAX_CODE) : 0;
}

function count(counters: Map<string, number>, key: string): void {
  counters.set(key, (counters.get(key) ?? 0) + 1);
}

function labels(of: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(of)
    .map(
      ([name, value]) =>
        `${name}="${String(value).replaceAll(/["\\\n]/g, (each) => (each === "\n" ? String.raw`\n` : `\\${each}`))}"`,
    )
    .join(",");
}
