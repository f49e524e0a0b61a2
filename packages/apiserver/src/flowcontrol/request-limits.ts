import type { Clock, Logger } from "@knots/machinery";
import type { RequestInfo } from "../http/request-info.ts";
import { sendText } from "../http/respond.ts";
import type { RequestContext } from "../http/types.ts";
import type { ApiServerOptions } from "../options.ts";
import type { Registry } from "../registry/registry.ts";
import { FlowConfiguration } from "./configuration.ts";
import { dump } from "./dump.ts";
import { FlowControl } from "./flow-control.ts";
import { MaxInFlight } from "./max-in-flight.ts";
import { renderFlowMetrics } from "./metrics.ts";
import type { Gate } from "./types.ts";

const MAX_REQUESTS = 400;
const MAX_MUTATING_REQUESTS = 200;
const DUMPS = ["dump_priority_levels", "dump_queues", "dump_requests"];

export interface RequestLimitsDependencies {
  readonly options: ApiServerOptions;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What of a server limits its requests: priority and fairness as its options say, or the plain limits. */
export class RequestLimits implements AsyncDisposable {
  readonly gate: Gate;
  readonly #flowControl: FlowControl | undefined;
  readonly #configuration: FlowConfiguration;

  constructor({ options, registry, clock, logger }: RequestLimitsDependencies) {
    const reading = options.maxRequestsInFlight ?? MAX_REQUESTS;
    const mutating = options.maxMutatingRequestsInFlight ?? MAX_MUTATING_REQUESTS;
    const fair = options.priorityAndFairness ?? true;
    if (fair && reading + mutating <= 0) {
      throw new Error("--max-requests-inflight and --max-mutating-requests-inflight together must be above 0");
    }
    const stored = (info: RequestInfo): number | undefined => storedObjects(registry, info);
    this.#flowControl = fair ? new FlowControl({ clock, serverLimit: reading + mutating, stored }) : undefined;
    this.gate = this.#flowControl ?? new MaxInFlight({ reading, mutating });
    this.#configuration = new FlowConfiguration({ registry, clock, logger, flowControl: this.#flowControl });
  }

  /** Makes the default objects; resolves when they are in force. */
  start(): Promise<void> {
    this.#flowControl?.start();
    return this.#configuration.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flowControl?.[Symbol.dispose]();
    await this.#configuration[Symbol.asyncDispose]();
  }

  metrics(): string {
    return this.#flowControl === undefined ? "" : renderFlowMetrics(this.#flowControl);
  }

  /** The dumps, by path. */
  *paths(): Generator<[string, (ctx: RequestContext) => Promise<void>]> {
    const flowControl = this.#flowControl;
    if (flowControl === undefined) return;
    for (const name of DUMPS) {
      yield [
        `/debug/api_priority_and_fairness/${name}`,
        (ctx) => {
          sendText(ctx.response, 200, dump(flowControl, name, ctx.info.query) ?? "");
          return Promise.resolve();
        },
      ];
    }
  }
}

function storedObjects(registry: Registry, info: RequestInfo): number | undefined {
  const cache = registry.served(info.apiGroup, info.apiVersion, info.resource)?.storage.cache;
  if (cache === undefined) return undefined;
  return info.namespace === "" ? cache.size : cache.count(`${cache.prefix}${info.namespace}/`);
}
