import { hostname } from "node:os";
import { randomUUID } from "node:crypto";
import { compactor, EventRecorder, InformerFactory, leaderElectionDefaults, LeaderElector } from "@knots/client";
import type { Client, LeaderElectionOptions } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import type { Registry } from "prom-client";
import { defaultControllerOptions } from "./framework/options.ts";
import type { ControllerOptions } from "./framework/options.ts";
import type { Controller, ControllerContext, ControllerInitializer } from "./framework/types.ts";
import { QueueMetrics } from "./framework/queue-metrics.ts";
import { CONTROLLERS } from "./registry.ts";
import { selectControllers } from "./selection.ts";

export const defaultLeaderElection: LeaderElectionOptions = leaderElectionDefaults("kube-controller-manager");

export interface ControllerManagerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What differs from upstream's defaults. */
  readonly options?: Partial<ControllerOptions>;
  /** As `--controllers`; all that are on by default where it is absent. */
  readonly controllers?: readonly string[];
  /** What `controllers` chooses among; the registry's where it is absent. */
  readonly initializers?: readonly ControllerInitializer[];
  /** Run only while holding the Lease. False (the default) runs at once: for a manager that is alone. */
  readonly leaderElect?: boolean;
  readonly leaderElection?: Partial<LeaderElectionOptions>;
  /** Where the figures of the queues are shown; nowhere where it is absent. */
  readonly registry?: Registry;
  /** Told when the Lease was lost: the controllers have stopped, and a process should end. */
  onLeadershipLost?(): void;
}

/** Runs the chosen controllers on shared informers, under leader election where asked. */
export class ControllerManager implements AsyncDisposable {
  readonly #options: ControllerManagerOptions;
  readonly #selected: readonly ControllerInitializer[];
  readonly #queues: QueueMetrics;
  readonly #recorders = new Map<string, EventRecorder>();
  readonly #abort = new AbortController();
  #informers: InformerFactory | undefined;
  #controllers: Controller[] = [];
  #election: Promise<void> | undefined;
  #synced = false;

  /** Throws where `controllers` names one that does not exist. */
  constructor(options: ControllerManagerOptions) {
    this.#options = options;
    this.#queues = new QueueMetrics(options.registry);
    this.#selected = selectControllers(options.initializers ?? CONTROLLERS, options.controllers);
  }

  /** Whether the controllers run (a manager that waits for the Lease is healthy all the same). */
  get running(): boolean {
    return this.#synced;
  }

  /** Without leader election: resolves when the informers have synced and the controllers run. With it: at once. */
  async start(): Promise<void> {
    if (this.#options.leaderElect !== true) return this.#run(this.#abort.signal);
    const election = { ...defaultLeaderElection, ...this.#options.leaderElection };
    const elector = new LeaderElector({
      client: this.#options.client,
      clock: this.#options.clock,
      lock: { namespace: election.namespace, name: election.name },
      identity: `${hostname()}_${randomUUID()}`,
      leaseDurationMs: election.leaseDurationMs,
      renewDeadlineMs: election.renewDeadlineMs,
      retryPeriodMs: election.retryPeriodMs,
      onStartedLeading: (signal: AbortSignal) => {
        this.#run(signal).catch((error: unknown) => {
          if (!signal.aborted) this.#options.logger.error({ err: error }, "controllers could not be started");
        });
      },
      onStoppedLeading: () => {
        void this.#stop();
        if (!this.#abort.signal.aborted) this.#options.onLeadershipLost?.();
      },
    });
    this.#election = elector.run(this.#abort.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { client, clock, logger } = this.#options;
    const informers = new InformerFactory(client, { clock, logger, transform: compactor() });
    this.#informers = informers;
    const context: ControllerContext = {
      client,
      informers,
      clock,
      logger,
      options: {
        ...defaultControllerOptions,
        ...this.#options.options,
        concurrentSyncs: { ...defaultControllerOptions.concurrentSyncs, ...this.#options.options?.concurrentSyncs },
      },
      queues: this.#queues,
      recorder: (component) => this.#recorder(component),
    };
    this.#controllers = this.#selected.map((initializer) =>
      initializer.init({ ...context, logger: logger.child({ controller: initializer.name }) }),
    );
    informers.start();
    await informers.waitForSync(signal);
    if (signal.aborted) return;
    for (const controller of this.#controllers) await controller.start();
    this.#synced = true;
    logger.info({ controllers: this.#controllers.map(({ name }) => name) }, "controllers started");
  }

  #recorder(component: string): EventRecorder {
    let recorder = this.#recorders.get(component);
    if (recorder === undefined) {
      const { client, clock, logger } = this.#options;
      recorder = new EventRecorder({ client, component, clock, logger });
      this.#recorders.set(component, recorder);
    }
    return recorder;
  }

  async #stop(): Promise<void> {
    this.#synced = false;
    const controllers = this.#controllers.splice(0);
    await Promise.all(controllers.map((controller) => controller[Symbol.asyncDispose]()));
    await this.#informers?.[Symbol.asyncDispose]();
    this.#informers = undefined;
    const recorders = [...this.#recorders.values()];
    this.#recorders.clear();
    await Promise.all(recorders.map((recorder) => recorder[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#election;
    await this.#stop();
  }
}
