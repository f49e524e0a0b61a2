import type { Clock, Logger } from "@knots/machinery";
import type { AdmissionChain } from "../../admission/chain.ts";
import type { Registry } from "../../registry/registry.ts";
import type { TableOptions } from "../../tables/table.ts";
import type { Cacher } from "../../watch-cache/cacher.ts";
import type { Codecs } from "../codecs.ts";
import type { Outbound } from "../../outbound/index.ts";
import type { RequestContext } from "../types.ts";
import type { FanOut } from "./fan-out.ts";

/** What handlers of resource requests need. */
export interface HandlerDependencies {
  readonly registry: Registry;
  readonly cacher: Cacher;
  readonly codecs: Codecs;
  readonly clock: Clock;
  /** Paces what is written to watchers, all together. */
  readonly fanOut: FanOut;
  readonly logger: Logger;
  readonly admission: AdmissionChain;
  /** Throws Forbidden unless the request's user may do this, too, to the resource it names. */
  authorize(ctx: RequestContext, verb: string): Promise<void>;
  readonly outbound: Outbound;
  /** Reads includeObject and takes the present time for ages. */
  tableOptions(ctx: RequestContext): TableOptions;
}
