import { checkDepth, findDuplicateFields, longIntegersOf, parseJson, strictDecodingWarnings } from "@knots/api";
import {
  cloneJson,
  FieldPath,
  goValue,
  invalid,
  newInvalid,
  jsonPatch,
  jsonPatchInTurns,
  mergePatch,
  newBadRequest,
  newNotFound,
  newRequestEntityTooLarge,
  newUnsupportedMediaType,
  strategicMergePatch,
} from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { StoredObject } from "../../registry/metadata.ts";
import { objectFrom, prepareConversion } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { goJsonType } from "../body-problem.ts";
import { LOOP, inTurns } from "../../turn.ts";
import { readBody } from "../body.ts";
import { negotiate } from "../negotiate.ts";
import { writeOptions } from "../options.ts";
import type { WriteOptions } from "../options.ts";
import { checkPartial } from "../partial.ts";
import type { RequestContext } from "../types.ts";
import { handleApply } from "./apply.ts";
import { APPLY_PATCH, JSON_PATCH, MERGE_PATCH, patchType } from "./patch-type.ts";
import { checkIdentity, expectedType, inexactText, shapeObject } from "./decode.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { operationOf, sendEntry, toStored } from "./write.ts";

/** PATCH of an object or of a subresource that has its parent's kind. */
export async function handlePatch(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const type = patchType(ctx.request.headers["content-type"], served.custom);
  if (type === APPLY_PATCH) {
    await handleApply(deps, ctx, served);
    return;
  }
  const negotiated = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  checkPartial(negotiated, served, false);
  const options = writeOptions(ctx, "PatchOptions");
  const body = await readBody(ctx.request);
  const patch = parsePatch(type, body, served.custom);
  const duplicates = options.fieldValidation === "Ignore" ? [] : strictProblems(type, body, patch);
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

/** Operations of a JSON patch that is not applied a second time to say what was wrong with the result. */
const LONG_PATCH = 100;

/** A plain patch as it was sent. */
interface Patch {
  readonly type: string;
  readonly patch: unknown;
  /** Fields that its text names twice, and of a JSON patch those that no operation has. */
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
  // Also of kinds that a PUT creates: a plain patch says what becomes of an object, never what it begins as.
  if (current === undefined) throw newNotFound(info, ctx.info.name);
  await prepareConversion(served, [current]);
  const before = cloneJson(objectFrom(served, current));
  const after = await applyPatch(served, type, before, patch);
  const long = type === JSON_PATCH && (patch as readonly unknown[]).length > LONG_PATCH;
  const result = long ? JSON.stringify(after) : undefined;
  // What upstream shows of what is wrong: a strategic patch itself, of the others what they lead to.
  const strategic = type !== JSON_PATCH && type !== MERGE_PATCH;
  const shown = (): string =>
    !strategic
      ? (result ?? JSON.stringify(plainPatch(type, cloneJson(objectFrom(served, current)), patch)))
      : goValue(patch);
  const shaped = shapeObject(
    after,
    strategic ? { ...expectedType(served), words: "converter" } : expectedType(served),
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
async function applyPatch(
  served: ServedResource,
  type: string,
  before: KubeObject,
  patch: unknown,
): Promise<KubeObject> {
  if (type === JSON_PATCH) {
    const after = asObject(await inTurns(jsonPatchInTurns(before, patch as readonly object[]), LOOP));
    // One deep value put into another.
    try {
      checkDepth(after);
    } catch (error) {
      throw newBadRequest((error as Error).message);
    }
    return after;
  }
  if (type === MERGE_PATCH) return plainPatch(type, before, patch);
  if (served.schema === undefined) throw newUnsupportedMediaType([JSON_PATCH, MERGE_PATCH, APPLY_PATCH]);
  return asObject(strategicMergePatch(before, patch as Record<string, unknown>, served.schema));
}

/** A patch that needs no schema, all at once. */
function plainPatch(type: string, before: KubeObject, patch: unknown): KubeObject {
  return asObject(type === JSON_PATCH ? jsonPatch(before, patch as readonly object[]) : mergePatch(before, patch));
}

/** The body of a patch of that type, in upstream's words where it is none. */
export function parsePatch(type: string, body: Uint8Array, custom = false): unknown {
  const prefix = type === MERGE_PATCH ? "error decoding patch: " : "";
  let patch: unknown;
  try {
    patch = parseJson(body);
  } catch (error) {
    throw newBadRequest(prefix + (error as Error).message);
  }
  if (type === JSON_PATCH) return operationsOf(patch, custom);
  if (patch === null)
    throw newBadRequest(type === MERGE_PATCH ? "Invalid JSON Patch" : "the patch must be an object, not null");
  if (typeof patch !== "object" || Array.isArray(patch)) {
    throw newBadRequest(
      `${prefix}json: cannot unmarshal ${goJsonType(patch)} into Go value of type map[string]interface {}`,
    );
  }
  if (!custom) checkIntegers(patch);
  return patch;
}

/** Operations of one JSON patch at most, as upstream. */
const MAX_OPERATIONS = 10_000;

function operationsOf(patch: unknown, custom: boolean): readonly object[] {
  if (patch === null) return [];
  if (!Array.isArray(patch)) {
    throw newBadRequest(`json: cannot unmarshal ${goJsonType(patch)} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > MAX_OPERATIONS) {
    throw newRequestEntityTooLarge(
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  for (const operation of patch as unknown[]) {
    if (typeof operation !== "object" || Array.isArray(operation)) {
      throw newBadRequest(`json: cannot unmarshal ${goJsonType(operation)} into Go value of type jsonpatch.Operation`);
    }
  }
  if (!custom) checkIntegers(patch);
  return patch as readonly object[];
}

function checkIntegers(patch: object): void {
  const [long] = longIntegersOf(patch);
  if (long !== undefined) throw newBadRequest(`error decoding patch: ${inexactText(long)}`);
}

const OPERATION_FIELDS = new Set(["op", "path", "from", "value"]);

/** What strict field validation says of the patch's own text. */
function strictProblems(type: string, body: Uint8Array, patch: unknown): readonly string[] {
  const duplicates = findDuplicateFields(Buffer.from(body).toString("utf8"));
  if (type !== JSON_PATCH) return strictDecodingWarnings([], duplicates);
  const unknown = (patch as readonly (object | null)[]).flatMap((operation, index) =>
    Object.keys(operation ?? {}).flatMap((key) => (OPERATION_FIELDS.has(key) ? [] : [`[${index}].${key}`])),
  );
  // What a value holds is decoded with the object that it becomes a part of.
  const own = duplicates.filter((field) => /^\[\d+\]\.[^.[]+$/.test(field));
  return strictDecodingWarnings(unknown, own).map((text) => `json patch ${text}`);
}

/** A patch that names a resourceVersion means that state alone. */
function namesVersion(type: string, patch: unknown): boolean {
  if (type === JSON_PATCH) {
    return (patch as ({ path?: unknown } | null)[]).some(
      (operation) => operation?.path === "/metadata/resourceVersion",
    );
  }
  return (patch as { metadata?: { resourceVersion?: unknown } | null }).metadata?.resourceVersion !== undefined;
}

function asObject(value: unknown): KubeObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw newBadRequest("the patch does not leave an object");
  }
  return value;
}
