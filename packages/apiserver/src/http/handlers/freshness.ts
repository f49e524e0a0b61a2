import { waitForRevision } from "../../registry/listing.ts";
import { storeFailure } from "../../registry/store-failure.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";

const READS = new Set(["get", "list", "watch"]);

/**
 * Waits until the watch cache reflects everything that any API server acknowledged before this request. Undefined when
 * there is nothing to wait for: this server alone writes, or the reader said that any state (or a certain one, which
 * the handler waits for) will do.
 */
export function seeAllWrites(deps: HandlerDependencies, ctx: RequestContext): Promise<void> | undefined {
  const latest = READS.has(ctx.info.verb) && (ctx.info.query.get("resourceVersion") ?? "") !== "";
  return latest ? undefined : catchUp(deps);
}

function catchUp({ cacher, clock }: HandlerDependencies): Promise<void> | undefined {
  return cacher.latest()?.then(
    (revision) => waitForRevision(cacher, clock, revision),
    (error: unknown) => {
      throw storeFailure(error);
    },
  );
}
