import { newUnsupportedMediaType } from "@knots/machinery";
import { checkContentType } from "../restful.ts";

export const JSON_PATCH = "application/json-patch+json";
export const MERGE_PATCH = "application/merge-patch+json";
const STRATEGIC_PATCH = "application/strategic-merge-patch+json";
export const APPLY_PATCH = "application/apply-patch+yaml";

/** The media type alone decides what kind of patch the body is. Throws UnsupportedMediaType. */
export function patchType(contentType: string | undefined, custom: boolean): string {
  const accepted = [JSON_PATCH, MERGE_PATCH, ...(custom ? [] : [STRATEGIC_PATCH]), APPLY_PATCH];
  if (!custom) checkContentType(contentType, accepted);
  const semicolon = contentType?.indexOf(";") ?? -1;
  // Upstream cuts parameters off and looks at neither case nor blanks.
  const type = (semicolon > 0 ? contentType?.slice(0, semicolon) : contentType) ?? "";
  if (!accepted.includes(type)) throw newUnsupportedMediaType(accepted);
  return type;
}
