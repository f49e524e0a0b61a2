import { FieldPath, forbidden, newBadRequest, newInvalid, notSupported, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
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

export const OPTIONS_GROUP = { group: "meta.k8s.io" };
const VALIDATIONS = ["", "Ignore", "Strict", "Warn"];

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
  const dryRun = query.getAll("dryRun");
  validateDryRun(dryRun, errors);
  const validation = query.get("fieldValidation") ?? "";
  if (!VALIDATIONS.includes(validation)) errors.push(notSupported("fieldValidation", validation, VALIDATIONS));
  if (errors.length > 0) throw newInvalid({ ...OPTIONS_GROUP, kind }, "", errors);
  return {
    dryRun: dryRun.length > 0,
    fieldManager: fieldManager !== "" ? fieldManager : managerFromUserAgent(ctx.userAgent),
    fieldValidation: validation === "" ? "Warn" : (validation as WriteOptions["fieldValidation"]),
    force: boolParam(query, "force"),
  };
}

/** "All" is the only value there is. */
export function validateDryRun(values: readonly string[], errors: FieldError[]): void {
  if (values.some((value) => value !== "All")) errors.push(notSupported("dryRun", values, ["All"]));
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
    limit: Math.max(0, integerParam(query, "limit") ?? 0),
    continueToken: query.get("continue") ?? "",
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    timeoutSeconds: integerParam(query, "timeoutSeconds"),
    allowWatchBookmarks: boolParam(query, "allowWatchBookmarks"),
    sendInitialEvents: initial === null ? undefined : boolParam(query, "sendInitialEvents"),
  };
}

/** As Go's strconv.ParseInt reads 64 bits. */
export function integerParam(query: URLSearchParams, name: string): number | undefined {
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
