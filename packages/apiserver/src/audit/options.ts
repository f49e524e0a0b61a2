import { readFile } from "node:fs/promises";
import { loadKubeconfig } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import { Codecs } from "../http/codecs.ts";
import { Auditor } from "./auditor.ts";
import { LogBackend } from "./log-backend.ts";
import type { LogFormat } from "./log-format.ts";
import { parsePolicy } from "./policy.ts";
import { poster } from "./post.ts";
import { RotatingFile, StandardOutput } from "./rotating-file.ts";
import type { RotationOptions } from "./rotating-file.ts";
import type { AuditBackend } from "./types.ts";
import { DEFAULT_BATCH, WebhookBackend } from "./webhook-backend.ts";
import type { BatchOptions } from "./webhook-backend.ts";

export interface AuditOptions {
  readonly policyFile: string;
  /** `path` "-": standard output. */
  readonly log?: RotationOptions & { readonly format: LogFormat };
  readonly webhook?: { readonly configFile: string; readonly batch?: Partial<BatchOptions> };
}

/** Reads the files an audit is made from; throws an Error on one that cannot be used. */
export async function createAuditor(options: AuditOptions, clock: Clock, logger: Logger): Promise<Auditor> {
  const policy = parsePolicy(await readFile(options.policyFile, "utf8"));
  const backends: AuditBackend[] = [];
  if (options.log !== undefined) {
    const { path, format } = options.log;
    const file = path === "-" ? undefined : new RotatingFile(options.log, clock);
    await file?.open();
    backends.push(new LogBackend(file ?? new StandardOutput(), format, logger));
  }
  if (options.webhook !== undefined) {
    const { configFile, batch } = options.webhook;
    const send = poster(loadKubeconfig(configFile));
    backends.push(new WebhookBackend(send, { ...DEFAULT_BATCH, ...batch }, clock, logger));
  }
  if (backends.length === 0) logger.warn("an audit policy is given but neither a log nor a webhook");
  return new Auditor({ policy, backends, clock, codecs: new Codecs() });
}
