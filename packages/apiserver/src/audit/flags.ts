import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { parseDuration } from "@knots/machinery";
import type { AuditMode, AuditOptions, BackendOptions } from "./options.ts";
import { DEFAULT_TRUNCATION } from "./truncating-sink.ts";

export interface AuditFlags {
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly auditLogFormat: string;
  readonly auditLogVersion: string;
  readonly auditLogMaxage: number;
  readonly auditLogMaxbackup: number;
  readonly auditLogMaxsize: number;
  readonly auditLogCompress?: boolean;
  readonly auditLogMode: string;
  readonly auditLogBatchBufferSize: number;
  readonly auditLogBatchMaxSize: number;
  readonly auditLogBatchMaxWait: number;
  readonly auditLogBatchThrottleEnable: string | boolean;
  readonly auditLogBatchThrottleQps: number;
  readonly auditLogBatchThrottleBurst: number;
  readonly auditLogTruncateEnabled: string | boolean;
  readonly auditLogTruncateMaxBatchSize: number;
  readonly auditLogTruncateMaxEventSize: number;
  readonly auditWebhookConfigFile?: string;
  readonly auditWebhookVersion: string;
  readonly auditWebhookMode: string;
  readonly auditWebhookBatchBufferSize: number;
  readonly auditWebhookBatchMaxSize: number;
  readonly auditWebhookBatchMaxWait: number;
  readonly auditWebhookBatchThrottleEnable: string | boolean;
  readonly auditWebhookBatchThrottleQps: number;
  readonly auditWebhookBatchThrottleBurst: number;
  readonly auditWebhookInitialBackoff: number;
  readonly auditWebhookTruncateEnabled: string | boolean;
  readonly auditWebhookTruncateMaxBatchSize: number;
  readonly auditWebhookTruncateMaxEventSize: number;
}

type Prefix = "auditLog" | "auditWebhook";

const MODES: readonly string[] = ["batch", "blocking", "blocking-strict"] satisfies AuditMode[];
const VERSION = "audit.k8s.io/v1";

/** Upstream's flags of auditing, with its defaults. */
export function addAuditFlags(command: Command): Command {
  command
    .option("--audit-policy-file <file>", "audit.k8s.io/v1 Policy; without it nothing is recorded")
    .option("--audit-log-path <file>", "where events are logged; - is standard output")
    .option("--audit-log-format <format>", "json or legacy", "json")
    .option("--audit-log-maxage <days>", "days old log files are kept; 0: for ever", whole, 0)
    .option("--audit-log-maxbackup <number>", "old log files kept; 0: all", whole, 0)
    .option("--audit-log-maxsize <megabytes>", "size at which the log is rotated; 0: 100", whole, 0)
    .option("--audit-log-compress", "compress old log files")
    .option("--audit-webhook-config-file <file>", "kubeconfig of the server that events are sent to")
    .option("--audit-webhook-initial-backoff <duration>", "wait before a failed batch is sent again", duration, 10_000);
  addBackendFlags(command, "--audit-log", "log", {
    mode: "blocking",
    size: 1,
    wait: 0,
    throttle: false,
    qps: 0,
    burst: 0,
  });
  addBackendFlags(command, "--audit-webhook", "webhook", {
    mode: "batch",
    size: 400,
    wait: 30_000,
    throttle: true,
    qps: 10,
    burst: 15,
  });
  return command;
}

/** The flags that both backends have. */
function addBackendFlags(
  command: Command,
  prefix: string,
  what: string,
  of: { mode: AuditMode; size: number; wait: number; throttle: boolean; qps: number; burst: number },
): void {
  const { maxBatchSize, maxEventSize } = DEFAULT_TRUNCATION;
  command
    .option(`${prefix}-mode <mode>`, "batch, blocking or blocking-strict", of.mode)
    .option(`${prefix}-version <version>`, "API group and version of the events", VERSION)
    .option(`${prefix}-batch-buffer-size <number>`, `events that wait for the ${what} at most`, whole, 10_000)
    .option(`${prefix}-batch-max-size <number>`, "events of a batch", whole, of.size)
    .option(`${prefix}-batch-max-wait <duration>`, "longest wait for a full batch", duration, of.wait)
    .option(`${prefix}-batch-throttle-enable [bool]`, "limit batches a second", String(of.throttle))
    .option(`${prefix}-batch-throttle-qps <number>`, "batches a second", Number, of.qps)
    .option(`${prefix}-batch-throttle-burst <number>`, "batches at once after a pause", whole, of.burst)
    .option(`${prefix}-truncate-enabled [bool]`, "keep events and batches within sizes", "false")
    .option(`${prefix}-truncate-max-batch-size <bytes>`, "largest batch, if truncated", whole, maxBatchSize)
    .option(`${prefix}-truncate-max-event-size <bytes>`, "largest event, if truncated", whole, maxEventSize);
}

/** Throws an Error when flags do not go together. */
export function auditOptions(flags: AuditFlags): AuditOptions | undefined {
  const { auditPolicyFile, auditLogPath, auditLogFormat, auditWebhookConfigFile } = flags;
  if (auditLogFormat !== "json" && auditLogFormat !== "legacy") {
    throw new Error(`invalid audit log format ${auditLogFormat}, allowed formats are "legacy,json"`);
  }
  const [log, webhook] = [backendOptions(flags, "auditLog"), backendOptions(flags, "auditWebhook")];
  if (auditPolicyFile === undefined) return undefined;
  return {
    policyFile: auditPolicyFile,
    ...(auditLogPath === undefined
      ? {}
      : {
          log: {
            ...log,
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
            ...webhook,
            configFile: auditWebhookConfigFile,
            initialBackoffMs: flags.auditWebhookInitialBackoff,
          },
        }),
  };
}

function backendOptions(flags: AuditFlags, prefix: Prefix): BackendOptions {
  const what = prefix === "auditLog" ? "log" : "webhook";
  const mode = flags[`${prefix}Mode`];
  if (!MODES.includes(mode))
    throw new Error(`invalid audit ${what} mode ${mode}, allowed modes are ${JSON.stringify(MODES.join(","))}`);
  const version = flags[`${prefix}Version`];
  if (version !== VERSION)
    throw new Error(`invalid audit ${what} version ${version}, allowed versions are "${VERSION}"`);
  const maxBatchSize = flags[`${prefix}TruncateMaxBatchSize`];
  const maxEventSize = flags[`${prefix}TruncateMaxEventSize`];
  const truncates = isTrue(flags[`${prefix}TruncateEnabled`]);
  if (truncates && maxEventSize < 1) throw new Error(`--audit-${what}-truncate-max-event-size must be greater than 0`);
  if (truncates && maxBatchSize < maxEventSize) {
    throw new Error(
      `--audit-${what}-truncate-max-batch-size must be greater than --audit-${what}-truncate-max-event-size`,
    );
  }
  const throttled = isTrue(flags[`${prefix}BatchThrottleEnable`]);
  return {
    mode: mode as AuditMode,
    batch: {
      bufferSize: flags[`${prefix}BatchBufferSize`],
      maxSize: flags[`${prefix}BatchMaxSize`],
      maxWaitMs: flags[`${prefix}BatchMaxWait`],
      throttleQps: throttled ? flags[`${prefix}BatchThrottleQps`] : 0,
      throttleBurst: flags[`${prefix}BatchThrottleBurst`],
    },
    ...(truncates ? { truncate: { maxBatchSize, maxEventSize } } : {}),
  };
}

function isTrue(flag: string | boolean): boolean {
  return flag === true || flag === "true";
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
