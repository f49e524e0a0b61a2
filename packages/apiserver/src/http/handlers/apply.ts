import { newUnsupportedMediaType } from "@knots/machinery";
import type { ServedResource } from "../../registry/served.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";

/**
 * PATCH with application/apply-patch+yaml: server-side apply. Merging by field ownership is not there yet: the request
 * is refused, as servers do that do not offer it.
 */
export async function handleApply(
  _deps: HandlerDependencies,
  _ctx: RequestContext,
  _served: ServedResource,
): Promise<void> {
  await Promise.resolve();
  throw newUnsupportedMediaType([
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
  ]);
}
