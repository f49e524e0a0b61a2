import { FieldPath, forbidden, newBadRequest, newInvalid, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import type { DeleteOptions } from "../registry/deletion.ts";
import { validateFieldManager } from "../strategies/validation/managed-fields.ts";
import { boolParam } from "./request-info.ts";
import type { RequestContext } from "./types.ts";

/** Query parameters of writes: CreateOptions, UpdateOptions, PatchOptions. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  readonly force: boolean;
}

/** Query parameters of list and watch: ListOptions. */
export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continueToken: string;
  /** "" unset. */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  /** Undefined: not set. */
  readonly sendInitialEvents: boolean | undefined;
}

const OPTIONS_GROUP = { group: "meta.k8s.io" };

/**
 * Throws Invalid on a wrong dryRun, fieldValidation or fieldManager. An apply must name its field manager, and it alone
 * may be forced.
 */
export function writeOptions(
  ctx: RequestContext,
  kind: "CreateOptions" | "UpdateOptions" | "PatchOptions",
  patch: "apply" | "plain" = "plain",
): WriteOptions {
  const { query } = ctx.info;
  const errors: FieldError[] = [];
  const fieldManager = query.get("fieldManager") ?? "";
  const path = FieldPath.root("fieldManager");
  if (patch === "apply" && fieldManager === "") errors.push(required(path, "is required for apply patch"));
  if (kind === "PatchOptions" && patch === "plain" && query.has("force")) {
    errors.push(forbidden(FieldPath.root("force"), "may not be specified for non-apply patch"));
  }
  validateFieldManager(fieldManager, path, errors);
  const validation = query.get("fieldValidation") ?? "";
  if (validation !== "" && validation !== "Strict" && validation !== "Warn" && validation !== "Ignore") {
    errors.push({
      type: "FieldValueNotSupported",
      field: "fieldValidation",
      badValue: validation,
      detail: 'supported values: "Ignore", "Strict", "Warn"',
    });
  }
  if (errors.length > 0) throw newInvalid({ ...OPTIONS_GROUP, kind }, "", errors);
  return {
    dryRun: dryRun(query.getAll("dryRun"), kind),
    fieldManager: fieldManager !== "" ? fieldManager : managerFromUserAgent(ctx.userAgent),
    fieldValidation: validation === "" ? "Warn" : (validation as WriteOptions["fieldValidation"]),
    force: boolParam(query, "force"),
  };
}

/** "All" is the only value there is. */
export function dryRun(values: readonly string[], kind: string): boolean {
  const given = values.filter((value) => value !== "");
  for (const value of given) {
    if (value !== "All") {
      throw newInvalid({ ...OPTIONS_GROUP, kind }, "", [
        { type: "FieldValueNotSupported", field: "dryRun", badValue: given, detail: 'supported values: "All"' },
      ]);
    }
  }
  return given.length > 0;
}

/** Upstream's default manager: the user agent up to the first slash, printable characters only, at most 128 bytes. */
export function managerFromUserAgent(userAgent: string): string {
  let manager = "";
  let size = 0;
  for (const character of (userAgent.split("/")[0] ?? "").replace(UNPRINTABLE, "")) {
    size += Buffer.byteLength(character);
    if (size > MAX_FIELD_MANAGER) break;
    manager += character;
  }
  return manager === "" ? "unknown" : manager;
}

const MAX_FIELD_MANAGER = 128;
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

export function listOptions(query: URLSearchParams): ListOptions {
  const initial = query.get("sendInitialEvents");
  return {
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
    // Upstream pages only where the limit is above 0.
    limit: Math.max(0, integer(query, "limit") ?? 0),
    continueToken: query.get("continue") ?? "",
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    timeoutSeconds: integer(query, "timeoutSeconds"),
    allowWatchBookmarks: boolParam(query, "allowWatchBookmarks"),
    sendInitialEvents: initial === null ? undefined : boolParam(query, "sendInitialEvents"),
  };
}

/** As Go's strconv.ParseInt reads 64 bits. */
function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const problem = !/^[+-]?\d+$/.test(text)
    ? "invalid syntax"
    : BigInt.asIntN(64, BigInt(text.replace("+", ""))) === BigInt(text.replace("+", ""))
      ? undefined
      : "value out of range";
  if (problem !== undefined) throw newBadRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${problem}`);
  return Number(text);
}

/** DeleteOptions from the query and, over it, from the body. */
export function deleteOptions(
  query: URLSearchParams,
  body: Readonly<Record<string, unknown>> | undefined,
): DeleteOptions {
  const fromBody = (body ?? {}) as DeleteOptions & { kind?: string };
  if (fromBody.kind !== undefined && fromBody.kind !== "" && fromBody.kind !== "DeleteOptions") {
    throw newBadRequest(`the body of a DELETE must be DeleteOptions, not ${fromBody.kind}`);
  }
  const grace = fromBody.gracePeriodSeconds ?? integer(query, "gracePeriodSeconds");
  const policy = fromBody.propagationPolicy ?? query.get("propagationPolicy") ?? undefined;
  const orphan =
    fromBody.orphanDependents ?? (query.has("orphanDependents") ? boolParam(query, "orphanDependents") : undefined);
  if (orphan !== undefined && policy !== undefined) {
    throw newInvalid({ ...OPTIONS_GROUP, kind: "DeleteOptions" }, "", [
      {
        type: "FieldValueInvalid",
        field: "propagationPolicy",
        badValue: policy,
        detail: "orphanDependents and deletionPropagation cannot be both set",
      },
    ]);
  }
  if (policy !== undefined && !["Foreground", "Background", "Orphan", ""].includes(policy)) {
    throw newInvalid({ ...OPTIONS_GROUP, kind: "DeleteOptions" }, "", [
      {
        type: "FieldValueNotSupported",
        field: "propagationPolicy",
        badValue: policy,
        detail: 'supported values: "Background", "Foreground", "Orphan"',
      },
    ]);
  }
  const dry = [...(fromBody.dryRun ?? []), ...query.getAll("dryRun")];
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: Math.max(0, grace) }),
    ...(policy === undefined || policy === "" ? {} : { propagationPolicy: policy }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    ...(fromBody.preconditions === undefined || fromBody.preconditions === null
      ? {}
      : { preconditions: fromBody.preconditions }),
    ...(dryRun(dry, "DeleteOptions") ? { dryRun: ["All"] } : {}),
  };
}
