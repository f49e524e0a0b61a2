import { readFile } from "node:fs/promises";
import { loadKubeconfig } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import { Codecs } from "../http/codecs.ts";
import { Auditor } from "./auditor.ts";
import { BatchBackend, WEBHOOK_BATCH } from "./batch-backend.ts";
import type { BatchOptions } from "./batch-backend.ts";
import { BlockingBackend } from "./blocking-backend.ts";
import { LogSink } from "./log-sink.ts";
import type { LogFormat } from "./log-format.ts";
import { parsePolicy } from "./policy.ts";
import { poster } from "./post.ts";
import { RotatingFile, StandardOutput } from "./rotating-file.ts";
import type { RotationOptions } from "./rotating-file.ts";
import { TruncatingSink } from "./truncating-sink.ts";
import type { TruncateOptions } from "./truncating-sink.ts";
import type { AuditBackend, EventSink } from "./types.ts";
import { WebhookSink } from "./webhook-sink.ts";

/** How requests and a backend go together: in batches later, or each request waits (strict: and fails with it). */
export type AuditMode = "batch" | "blocking" | "blocking-strict";

export interface BackendOptions {
  readonly mode?: AuditMode;
  readonly batch?: Partial<BatchOptions>;
  /** Absent: events of any size. */
  readonly truncate?: TruncateOptions;
}

export interface AuditOptions {
  readonly policyFile: string;
  /** `path` "-": standard output. Blocking unless `mode` says otherwise. */
  readonly log?: RotationOptions & BackendOptions & { readonly format: LogFormat };
  /** In batches unless `mode` says otherwise. */
  readonly webhook?: BackendOptions & { readonly configFile: string; readonly initialBackoffMs?: number };
}

/** Upstream's figures for a log in batches. */
const LOG_BATCH: BatchOptions = { bufferSize: 10_000, maxSize: 1, maxWaitMs: 0, throttleQps: 0, throttleBurst: 0 };
const INITIAL_BACKOFF_MS = 10_000;

/** Reads the files an audit is made from; throws an Error on one that cannot be used. */
export async function createAuditor(options: AuditOptions, clock: Clock, logger: Logger): Promise<Auditor> {
  const policy = parsePolicy(await readFile(options.policyFile, "utf8"));
  const backends: AuditBackend[] = [];
  const backend = (
    sink: EventSink,
    { mode, batch, truncate }: BackendOptions & { mode: AuditMode },
    defaults: BatchOptions,
  ): AuditBackend => {
    const fitted = truncate === undefined ? sink : new TruncatingSink(sink, truncate, logger);
    return mode === "batch"
      ? new BatchBackend(fitted, { ...defaults, ...batch }, clock, logger)
      : new BlockingBackend(fitted, mode === "blocking-strict");
  };
  if (options.log !== undefined) {
    const { path, format, mode = "blocking" } = options.log;
    const file = path === "-" ? undefined : new RotatingFile(options.log, clock);
    await file?.open();
    const sink = new LogSink(file ?? new StandardOutput(), format, logger);
    backends.push(backend(sink, { ...options.log, mode }, LOG_BATCH));
  }
  if (options.webhook !== undefined) {
    const { configFile, initialBackoffMs = INITIAL_BACKOFF_MS, mode = "batch" } = options.webhook;
    const sink = new WebhookSink(poster(loadKubeconfig(configFile)), initialBackoffMs, clock, logger);
    backends.push(backend(sink, { ...options.webhook, mode }, WEBHOOK_BATCH));
  }
  if (backends.length === 0) logger.warn("an audit policy is given but neither a log nor a webhook");
  return new Auditor({ policy, backends, clock, codecs: new Codecs() });
}
