import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Pod } from "@knots/api/core/v1";
import { compactor, EventRecorder, InformerFactory, leaderElectionDefaults, LeaderElector } from "@knots/client";
import type { Client, LeaderElectionOptions } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import { Cache } from "./cache/cache.ts";
import { buildProfile } from "./default-profile.ts";
import type { ProfileOptions } from "./default-profile.ts";
import { HttpExtender } from "./extender/http-extender.ts";
import type { ExtenderConfig } from "./extender/http-extender.ts";
import type { ClusterEvent } from "./framework/events.ts";
import type { Profile } from "./framework/profile.ts";
import { WaitingPods } from "./framework/waiting-pods.ts";
import { createListers } from "./listers.ts";
import { SchedulerMetrics } from "./metrics.ts";
import { wirePodsAndNodes } from "./pod-events.ts";
import { slimPod } from "./slim-pod.ts";
import { SchedulingQueue } from "./queue/scheduling-queue.ts";
import type { QueuedPod } from "./queue/scheduling-queue.ts";
import { PodPlacer } from "./schedule-pod.ts";
import { SchedulingLoop } from "./scheduling-loop.ts";

export const DEFAULT_SCHEDULER_NAME = "default-scheduler";

export const defaultLeaderElection: LeaderElectionOptions = leaderElectionDefaults("kube-scheduler");

export interface SchedulerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One per value of spec.schedulerName; the default scheduler alone where absent. */
  readonly profiles?: readonly ProfileOptions[];
  /** 1–100; absent or 0: by the size of the cluster. */
  readonly percentageOfNodesToScore?: number;
  /** Processes that have a say in where pods go. */
  readonly extenders?: readonly ExtenderConfig[];
  readonly podInitialBackoffMs?: number;
  readonly podMaxBackoffMs?: number;
  /** Schedule only while holding the Lease. False (the default): at once. */
  readonly leaderElect?: boolean;
  readonly leaderElection?: Partial<LeaderElectionOptions>;
  /** Told when the Lease was lost: scheduling has stopped, and a process should end. */
  onLeadershipLost?(): void;
  /** For tests: breaks ties between nodes. */
  readonly random?: () => number;
}

/** All parts of a scheduler that has been configured and does not run yet. */
interface Prepared extends AsyncDisposable {
  readonly metrics: SchedulerMetrics;
  /** Watches, and resolves once pods are scheduled, or `signal` has aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** Gives pods without a node one. */
export class Scheduler implements AsyncDisposable {
  readonly #options: SchedulerOptions;
  readonly #abort = new AbortController();
  #prepared: Prepared | undefined;
  #running: Prepared | undefined;
  #election: Promise<void> | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Whether pods are being scheduled now. */
  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Prometheus text; "" while it waits for the Lease. */
  async metrics(): Promise<string> {
    return (await this.#running?.metrics.registry.metrics()) ?? "";
  }

  /**
   * Without leader election: resolves when the informers have synced and pods are scheduled. With it: at once. Rejects
   * where the profiles cannot be made, before anybody waits for the Lease.
   */
  async start(): Promise<void> {
    this.#prepared = await this.#prepare();
    if (this.#options.leaderElect !== true) return this.#run(this.#abort.signal);
    const { client, clock, logger } = this.#options;
    const election = { ...defaultLeaderElection, ...this.#options.leaderElection };
    const elector = new LeaderElector({
      client,
      clock,
      lock: { namespace: election.namespace, name: election.name },
      identity: `${hostname()}_${randomUUID()}`,
      leaseDurationMs: election.leaseDurationMs,
      renewDeadlineMs: election.renewDeadlineMs,
      retryPeriodMs: election.retryPeriodMs,
      onStartedLeading: (signal: AbortSignal) => {
        this.#run(signal).catch((error: unknown) => {
          if (!signal.aborted) logger.error({ err: error }, "scheduling could not be started");
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
    // A second term as the leader begins with nothing of the first.
    const prepared = this.#prepared ?? (await this.#prepare());
    this.#prepared = undefined;
    await using stack = new AsyncDisposableStack();
    stack.use(prepared);
    await prepared.run(signal);
    if (signal.aborted) return;
    stack.move();
    this.#running = prepared;
  }

  async #prepare(): Promise<Prepared> {
    const { client, clock, logger } = this.#options;
    await using stack = new AsyncDisposableStack();
    const compact = compactor();
    const informers = stack.use(new InformerFactory(client, { clock, logger, transform: compact }));
    const profiles = new Map<string, Profile>();
    const profileOf = (pod: Pod): Profile | undefined =>
      profiles.get(pod.spec?.schedulerName ?? DEFAULT_SCHEDULER_NAME);
    const cache = new Cache();
    const waitingPods = new WaitingPods(clock);
    const queue = new SchedulingQueue({
      clock,
      compare: (a, b) => profileOf(a.info.pod)?.queueSort.compare(a, b) ?? 0,
      gatedBy: (info) => profileOf(info.pod)?.preEnqueue(info)?.plugin,
      concerns: (queued, event, old, current) => concerns(profileOf(queued.info.pod), queued, event, old, current),
      ...(this.#options.podInitialBackoffMs === undefined
        ? {}
        : { initialBackoffMs: this.#options.podInitialBackoffMs }),
      ...(this.#options.podMaxBackoffMs === undefined ? {} : { maxBackoffMs: this.#options.podMaxBackoffMs }),
    });
    const extenders = (this.#options.extenders ?? []).map((config) => new HttpExtender(config));
    const listers = createListers(informers, (event, old, current) => queue.event(event, old, current));
    for (const options of this.#options.profiles ?? [{ schedulerName: DEFAULT_SCHEDULER_NAME }]) {
      const { schedulerName } = options;
      if (profiles.has(schedulerName)) throw new Error(`profile ${schedulerName} is configured twice`);
      const recorder = stack.use(new EventRecorder({ client, component: schedulerName, clock, logger }));
      const handle = {
        schedulerName,
        client,
        clock,
        logger: logger.child({ profile: schedulerName }),
        recorder,
        listers,
        nominator: queue.nominator,
        waitingPods,
        extenders,
        snapshot: () => cache.snapshot(),
      };
      profiles.set(schedulerName, buildProfile(handle, options));
    }
    checkProfiles(profiles);
    // An extender is told of victims as they are.
    const transform = extenders.length === 0 ? (pod: Pod) => compact(slimPod(pod)) : compact;
    const podInformer = wirePodsAndNodes({
      transform,
      informers,
      cache,
      queue,
      isOurs: (pod) => profileOf(pod) !== undefined,
      waitingPods,
    });
    const metrics = new SchedulerMetrics([...profiles.keys()].join(), () => queue.sizes);
    const { percentageOfNodesToScore, random } = this.#options;
    const loop = stack.use(
      new SchedulingLoop({
        clock,
        logger,
        cache,
        queue,
        placer: new PodPlacer({
          ...(percentageOfNodesToScore === undefined ? {} : { percentageOfNodesToScore }),
          ...(random === undefined ? {} : { random }),
          extenders,
          logger,
        }),
        extenders,
        waitingPods,
        metrics,
        profileOf,
        current: (key) => podInformer.lister.get(key),
      }),
    );
    const owned = stack.move();
    return {
      metrics,
      async run(signal) {
        informers.start();
        await informers.waitForSync(signal);
        if (signal.aborted) return;
        loop.start();
        logger.info({ profiles: [...profiles.keys()] }, "scheduling");
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#election;
    await this.#stop();
    await this.#prepared?.[Symbol.asyncDispose]();
  }
}

/** One queue holds the pods of all profiles: all must sort it alike. */
function checkProfiles(profiles: ReadonlyMap<string, Profile>): void {
  const [first] = profiles.values();
  if (first === undefined) throw new Error("a scheduler needs at least one profile");
  for (const [name, { queueSort }] of profiles)
    if (queueSort.name !== first.queueSort.name)
      throw new Error(
        `different queue sort plugins for profile "${name}": "${queueSort.name}", first: "${first.queueSort.name}"`,
      );
}

/** Whether one of the plug-ins that rejected the pod sees a chance in the event. */
function concerns(
  profile: Profile | undefined,
  queued: QueuedPod,
  event: ClusterEvent,
  old: unknown,
  current: unknown,
): boolean {
  if (event === "Flush" || event === "ForceActivate" || queued.rejectedBy.has("*")) return true;
  return (
    profile?.plugins.some((plugin) => {
      if (!queued.rejectedBy.has(plugin.name)) return false;
      if (plugin.events === undefined) return true;
      return plugin.events.includes(event) && (plugin.hint?.(queued.info, event, old, current) ?? true);
    }) ?? false
  );
}
