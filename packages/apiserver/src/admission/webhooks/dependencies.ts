import type { Clock, Logger } from "@knots/machinery";
import type { OutboundClient, ServiceResolver } from "../../outbound/index.ts";
import type { Registry } from "../../registry/registry.ts";
import type { MatchConditionEvaluator } from "./match-conditions.ts";
import type { WebhookMetrics } from "./metrics.ts";

/** What webhook plug-ins are made with. */
export interface WebhookDependencies {
  readonly client: OutboundClient;
  readonly resolver: ServiceResolver;
  readonly evaluator: MatchConditionEvaluator;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: WebhookMetrics;
  registry(): Registry;
}
