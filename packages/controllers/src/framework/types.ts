import type { Client, EventRecorder, InformerFactory } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import type { ControllerOptions } from "./options.ts";
import type { QueueMetrics } from "./queue-metrics.ts";

/**
 * One control loop. `init` of its ControllerInitializer subscribes it to informers; `start` is called once, after every
 * informer it subscribed to has synced, and returns without waiting for the loop to end. Disposing stops its workers and
 * waits for the reconciliations in flight.
 */
export interface Controller extends AsyncDisposable {
  readonly name: string;
  start(): void | Promise<void>;
}

/** What every controller is made from. */
export interface ControllerContext {
  readonly client: Client;
  /** Shared by all controllers of a manager: asking for a type in `init` is enough to have it started and synced. */
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: ControllerOptions;
  /** Makes the queues, and keeps their figures. */
  readonly queues: QueueMetrics;
  /** The recorder whose Events carry `source.component = component`; one per component, owned by the manager. */
  recorder(component: string): EventRecorder;
}

/** An entry of the registry: what `--controllers` names. */
export interface ControllerInitializer {
  /** Upstream's name, e.g. "deployment-controller". */
  readonly name: string;
  readonly enabledByDefault: boolean;
  init(ctx: ControllerContext): Controller;
}
