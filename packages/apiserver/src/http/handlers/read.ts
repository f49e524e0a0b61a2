import { listPage, parseRevision, waitForRevision } from "../../registry/listing.ts";
import { selectionOf } from "../../registry/selection.ts";
import { prepareEntries } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { listOptions } from "../options.ts";
import { negotiate } from "../negotiate.ts";
import { checkPartial } from "../partial.ts";
import { representation } from "../representation.ts";
import { sendBytes } from "../respond.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { sendCollection } from "./send-collection.ts";

/** GET of one object. */
export async function handleGet(deps: HandlerDependencies, ctx: RequestContext, served: ServedResource): Promise<void> {
  const { info, request, response } = ctx;
  const negotiated = negotiate(request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  checkPartial(negotiated, served, false);
  const version = info.query.get("resourceVersion") ?? "";
  if (version !== "" && version !== "0") await waitForRevision(deps.cacher, deps.clock, parseRevision(version));
  const entry = served.storage.get(info.namespace, info.name);
  await prepareEntries(served, [entry]);
  const how = representation(served, negotiated, deps.tableOptions(ctx));
  sendBytes(request, response, 200, negotiated.codec.mediaType, how.bytes(entry));
}

/** GET of a collection. */
export async function handleList(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const { info, request } = ctx;
  const negotiated = negotiate(request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  checkPartial(negotiated, served, true);
  const options = listOptions(info.query);
  const selection = selectionOf(served, info.namespace, "", options.labelSelector, options.fieldSelector);
  const page = await listPage(deps.cacher, deps.clock, served, selection, options);
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.continueToken === "" ? {} : { continue: page.continueToken }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  };
  await sendCollection(deps, ctx, served, negotiated, page.entries, metadata);
}
