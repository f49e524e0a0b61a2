import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { parseDuration } from "@knots/machinery";
import type { AuditOptions } from "./options.ts";

export interface AuditFlags {
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly auditLogFormat: string;
  readonly auditLogMaxage: number;
  readonly auditLogMaxbackup: number;
  readonly auditLogMaxsize: number;
  readonly auditLogCompress?: boolean;
  readonly auditWebhookConfigFile?: string;
  readonly auditWebhookMode: string;
  readonly auditWebhookBatchBufferSize: number;
  readonly auditWebhookBatchMaxSize: number;
  readonly auditWebhookBatchMaxWait: number;
  readonly auditWebhookBatchThrottleEnable: string;
  readonly auditWebhookBatchThrottleQps: number;
  readonly auditWebhookBatchThrottleBurst: number;
  readonly auditWebhookInitialBackoff: number;
}

/** Upstream's flags of auditing, with its defaults. */
export function addAuditFlags(command: Command): Command {
  return command
    .option("--audit-policy-file <file>", "audit.k8s.io/v1 Policy; without it nothing is recorded")
    .option("--audit-log-path <file>", "where events are logged; - is standard output")
    .option("--audit-log-format <format>", "json or legacy", "json")
    .option("--audit-log-maxage <days>", "days old log files are kept; 0: for ever", whole, 0)
    .option("--audit-log-maxbackup <number>", "old log files kept; 0: all", whole, 0)
    .option("--audit-log-maxsize <megabytes>", "size at which the log is rotated; 0: 100", whole, 0)
    .option("--audit-log-compress", "compress old log files")
    .option("--audit-webhook-config-file <file>", "kubeconfig of the server that events are sent to")
    .option("--audit-webhook-mode <mode>", "batch, blocking or blocking-strict", "batch")
    .option("--audit-webhook-batch-buffer-size <number>", "events that wait for the webhook at most", whole, 10_000)
    .option("--audit-webhook-batch-max-size <number>", "events sent at once", whole, 400)
    .option("--audit-webhook-batch-max-wait <duration>", "longest wait for a full batch", duration, 30_000)
    .option("--audit-webhook-batch-throttle-enable <bool>", "limit batches a second", "true")
    .option("--audit-webhook-batch-throttle-qps <number>", "batches a second", Number, 10)
    .option("--audit-webhook-batch-throttle-burst <number>", "batches at once after a pause", whole, 15)
    .option("--audit-webhook-initial-backoff <duration>", "wait before a failed batch is sent again", duration, 10_000);
}

/** Throws an Error when flags do not go together. */
export function auditOptions(flags: AuditFlags): AuditOptions | undefined {
  const { auditPolicyFile, auditLogPath, auditLogFormat, auditWebhookConfigFile, auditWebhookMode } = flags;
  if (auditLogFormat !== "json" && auditLogFormat !== "legacy") {
    throw new Error(`invalid audit log format ${auditLogFormat}, allowed formats are "legacy,json"`);
  }
  if (!["batch", "blocking", "blocking-strict"].includes(auditWebhookMode)) {
    throw new Error(
      `invalid audit webhook mode ${auditWebhookMode}, allowed modes are "batch,blocking,blocking-strict"`,
    );
  }
  if (auditPolicyFile === undefined) return undefined;
  const immediate = auditWebhookMode !== "batch";
  const throttled = !immediate && flags.auditWebhookBatchThrottleEnable !== "false";
  return {
    policyFile: auditPolicyFile,
    ...(auditLogPath === undefined
      ? {}
      : {
          log: {
            path: auditLogPath,
            format: auditLogFormat,
            maxAge: flags.auditLogMaxage,
            maxBackup: flags.auditLogMaxbackup,
            maxSize: flags.auditLogMaxsize,
            compress: flags.auditLogCompress === true,
          },
        }),
    ...(auditWebhookConfigFile === undefined
      ? {}
      : {
          webhook: {
            configFile: auditWebhookConfigFile,
            batch: {
              bufferSize: flags.auditWebhookBatchBufferSize,
              maxSize: immediate ? 1 : flags.auditWebhookBatchMaxSize,
              maxWaitMs: flags.auditWebhookBatchMaxWait,
              throttleQps: throttled ? flags.auditWebhookBatchThrottleQps : 0,
              throttleBurst: flags.auditWebhookBatchThrottleBurst,
              initialBackoffMs: flags.auditWebhookInitialBackoff,
            },
          },
        }),
  };
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("must be a whole number");
  return value;
}

function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
