import { findDuplicateFields } from "@knots/api";
import {
  cloneJson,
  FieldPath,
  goValue,
  invalid,
  newInvalid,
  StatusError,
  jsonPatch,
  mergePatch,
  newBadRequest,
  newUnsupportedMediaType,
  strategicMergePatch,
} from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { StoredObject } from "../../registry/metadata.ts";
import { objectFrom, prepareConversion } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { readBody } from "../body.ts";
import { yamlCodec } from "../codecs.ts";
import { negotiate } from "../negotiate.ts";
import { writeOptions } from "../options.ts";
import type { WriteOptions } from "../options.ts";
import type { RequestContext } from "../types.ts";
import { handleApply } from "./apply.ts";
import { APPLY_PATCH, JSON_PATCH, MERGE_PATCH, patchType } from "./patch-type.ts";
import { checkIdentity, expectedType, shapeObject } from "./decode.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { operationOf, sendEntry, toStored } from "./write.ts";

/** PATCH of an object or of a subresource that has its parent's kind. */
export async function handlePatch(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const type = patchType(ctx.request.headers["content-type"], served.schema !== undefined && !served.custom);
  if (type === APPLY_PATCH) {
    await handleApply(deps, ctx, served);
    return;
  }
  const negotiated = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  const options = writeOptions(ctx, "PatchOptions");
  const body = await readBody(ctx.request);
  const patch = parsePatch(body);
  const duplicates = options.fieldValidation === "Ignore" ? [] : duplicateFields(body);
  const { namespace, name } = ctx.info;
  const op = operationOf(deps, ctx, options, "PatchOptions");
  const { entry } = await served.storage.update(op, {
    namespace,
    name,
    retryOnConflict: !namesVersion(type, patch),
    transform: (current) => patched(ctx, served, { type, patch, duplicates }, options, current),
  });
  await sendEntry(deps, ctx, served, negotiated, entry, 200);
}

/** A plain patch as it was sent. */
interface Patch {
  readonly type: string;
  readonly patch: unknown;
  /** Fields that its text names twice. */
  readonly duplicates: readonly string[];
}

async function patched(
  ctx: RequestContext,
  served: ServedResource,
  { type, patch, duplicates }: Patch,
  options: WriteOptions,
  current: StoredObject | undefined,
): Promise<KubeObject> {
  const { info } = served;
  if (current !== undefined) await prepareConversion(served, [current]);
  const before = cloneJson(objectFrom(served, current ?? {}));
  const after = applyPatch(served, type, before, patch);
  // What upstream shows of what is wrong: a strategic patch itself, of the others what they lead to.
  const shown = (): string =>
    type === JSON_PATCH || type === MERGE_PATCH
      ? JSON.stringify(applyPatch(served, type, cloneJson(objectFrom(served, current ?? {})), patch))
      : goValue(patch);
  const shaped = shapeObject(
    after,
    expectedType(served),
    options.fieldValidation,
    (text) => ctx.warn(text),
    duplicates,
    (text) => newInvalid({ group: "", kind: "" }, "", [invalid(FieldPath.root("patch"), shown(), text)]),
  );
  checkIdentity(shaped, info.namespaced, ctx.info.namespace, ctx.info.name);
  served.applyDefaults(shaped);
  return toStored(served, shaped);
}

/** Applies one of the three plain patches; `before` is the caller's to change. */
export function applyPatch(served: ServedResource, type: string, before: KubeObject, patch: unknown): KubeObject {
  try {
    if (type === JSON_PATCH) {
      if (!Array.isArray(patch)) throw newBadRequest("a JSON patch must be a list of operations");
      return asObject(jsonPatch(before, patch as Parameters<typeof jsonPatch>[1]));
    }
    if (typeof patch !== "object" || patch === null || Array.isArray(patch)) {
      throw newBadRequest("a merge patch must be an object");
    }
    if (type === MERGE_PATCH) return asObject(mergePatch(before, patch));
    if (served.schema === undefined) throw newUnsupportedMediaType([JSON_PATCH, MERGE_PATCH, APPLY_PATCH]);
    return asObject(strategicMergePatch(before, patch as Record<string, unknown>, served.schema));
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw unprocessable((error as Error).message);
  }
}

function parsePatch(body: Uint8Array): unknown {
  if (body.length === 0) throw newBadRequest("the patch is empty");
  // A YAML parser reads JSON too, but ten times slower.
  if (body[0] === 0x7b || body[0] === 0x5b) {
    try {
      return JSON.parse(Buffer.from(body).toString("utf8")) as unknown;
    } catch (error) {
      throw newBadRequest(`error decoding patch: ${(error as Error).message}`);
    }
  }
  return yamlCodec.decode(body);
}

/** Fields that a merged patch in JSON names twice; a YAML parser refuses them itself. */
function duplicateFields(body: Uint8Array): readonly string[] {
  return body[0] === 0x7b ? findDuplicateFields(Buffer.from(body).toString("utf8")) : [];
}

/** A patch that names a resourceVersion means that state alone. */
function namesVersion(type: string, patch: unknown): boolean {
  if (type === JSON_PATCH) {
    return Array.isArray(patch) && patch.some((op: { path?: unknown }) => op.path === "/metadata/resourceVersion");
  }
  return (patch as { metadata?: { resourceVersion?: unknown } }).metadata?.resourceVersion !== undefined;
}

function asObject(value: unknown): KubeObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw newBadRequest("the patch does not leave an object");
  }
  return value;
}

function unprocessable(message: string): StatusError {
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `the server rejected our request due to an error in our request: ${message}`,
    reason: "Invalid",
    details: {},
    code: 422,
  });
}
