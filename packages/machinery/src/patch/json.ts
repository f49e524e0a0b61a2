// JSON Patch, RFC 6902.
import jsonpatch from "fast-json-patch";
import { newBadRequest, StatusError } from "../status-error.ts";

const FORBIDDEN_KEYS = /(^|\/)(__proto__|constructor|prototype)(\/|$)/;

/** Applies the operations to a copy. Throws StatusError: 400 for what is no patch, 422 for one that does not apply. */
export function jsonPatch<T>(document: T, operations: readonly object[]): T {
  if (!Array.isArray(operations)) throw newBadRequest("error decoding patch: a JSON patch is a list of operations");
  for (const operation of operations as readonly Partial<Record<"op" | "path" | "from", unknown>>[]) {
    if (operation === null || typeof operation !== "object")
      throw newBadRequest("error decoding patch: an operation is an object");
    for (const path of [operation.path, operation.from]) {
      if (typeof path === "string" && FORBIDDEN_KEYS.test(path))
        throw newBadRequest(`the path ${JSON.stringify(path)} is not allowed in a patch`);
    }
  }
  try {
    return jsonpatch.applyPatch(structuredClone(document), structuredClone(operations) as never, true, true, true)
      .newDocument;
  } catch (error) {
    if (error instanceof StatusError) throw error;
    const { name, message } = error as Error;
    const text = message.split("\n")[0] ?? name;
    if (
      name === "OPERATION_OP_INVALID" ||
      name === "OPERATION_NOT_AN_OBJECT" ||
      name === "OPERATION_PATH_INVALID" ||
      name === "OPERATION_VALUE_REQUIRED"
    )
      throw newBadRequest(text);
    throw new StatusError({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: "the server rejected our request due to an error in our request",
      reason: "Invalid",
      details: { causes: [{ message: text }] },
      code: 422,
    });
  }
}
