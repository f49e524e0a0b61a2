// A cluster of one API server, one fake kubelet, and controllers (a scheduler too) that are killed and started again.
import { daemonSets, deployments, replicaSets, statefulSets } from "@knots/api/apps/v1";
import { cronJobs, jobs } from "@knots/api/batch/v1";
import { namespaces, persistentVolumeClaims, pods, replicationControllers, type Pod } from "@knots/api/core/v1";
import { ApiServer } from "@knots/apiserver";
import { Client } from "@knots/client";
import { ControllerManager } from "@knots/controllers";
import { FakeClock, nullLogger, type KubeObject } from "@knots/machinery";
import { Scheduler } from "@knots/scheduler";
import { openMemoryStore } from "@knots/store";
import type { Random } from "../fuzz/random.ts";
import { FakeKubelet, type Outcome } from "./fake-kubelet.ts";
import { MortalClient } from "./mortal-client.ts";

/** Fake milliseconds of one step: half of what a controller waits at the shortest. */
const STEP_MS = 250;
/** Steps after which something hangs. */
const PATIENCE = 4000;
/** Turns of the event loop without a request after which what has been sent has been received. */
const QUIET_TURNS = 3;

/** How controllers are killed: undefined is never. */
export type Deaths = { readonly random: Random; readonly most: number } | undefined;

export interface WorldOptions {
  /** Controllers by name; they are one process, with the scheduler where there is one. */
  readonly controllers: readonly string[];
  readonly scheduler?: boolean;
}

export class World implements AsyncDisposable {
  readonly client: Client;
  readonly clock: FakeClock;
  kills = 0;
  /** Where the last kills were, for whoever has to find out what went wrong. */
  readonly log: string[] = [];
  readonly #parts: AsyncDisposableStack;
  readonly #controllers: readonly string[];
  readonly #schedules: boolean;
  #deaths: Deaths;
  #kubelet: FakeKubelet | undefined;
  #manager: ControllerManager | undefined;
  #scheduler: Scheduler | undefined;
  #mortal: MortalClient | undefined;

  private constructor(
    client: Client,
    clock: FakeClock,
    parts: AsyncDisposableStack,
    { controllers, scheduler = false }: WorldOptions,
  ) {
    this.client = client;
    this.clock = clock;
    this.#parts = parts;
    this.#controllers = controllers;
    this.#schedules = scheduler;
  }

  static async start(options: WorldOptions): Promise<World> {
    await using parts = new AsyncDisposableStack();
    // Certificates are made with the real date, and looked at with this one.
    const clock = new FakeClock(Math.ceil(Date.now() / 60_000) * 60_000);
    const store = parts.use(openMemoryStore({ clock }));
    const server = parts.use(
      new ApiServer({
        store,
        securePort: 0,
        bindAddress: "127.0.0.1",
        clock,
        logger: nullLogger,
        disableAdmissionPlugins: ["ServiceAccount"],
      }),
    );
    await server.start();
    const client = parts.use(new Client(server.loopbackConfig));
    return new World(client, clock, parts.move(), options);
  }

  /** A namespace of its own, with a kubelet for it, and controllers that will be killed as told. */
  async begin(name: string, deaths: Deaths, outcome?: (pod: Pod) => Outcome): Promise<string> {
    await this.#stop();
    await this.client.resource(namespaces).create({ metadata: { name } });
    this.#kubelet = new FakeKubelet(this.client, name, this.clock, outcome);
    this.#deaths = deaths;
    this.log.length = 0;
    await this.#live();
    return name;
  }

  /** Nobody is killed any more. */
  async peace(): Promise<void> {
    this.#deaths = undefined;
    await this.#stop();
    await this.#live();
  }

  /** Lets time pass, and kills, until the condition holds. */
  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    for (let steps = 0; steps < PATIENCE; steps++) {
      if (await condition()) return;
      await this.step();
    }
    throw new Error(`${what}: not after ${PATIENCE} steps; killed at ${this.log.slice(-10).join(", ")}`);
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) await this.step();
  }

  /** The kubelet's turn, the controllers' turn, and a moment of time once they have nothing more to say. */
  async step(): Promise<void> {
    await this.#kubelet?.step();
    await this.#quiet();
    if (this.#mortal?.dead === true) {
      this.kills++;
      this.log.push(this.#mortal.lastWrite);
      await this.#stop();
      await this.#live();
    } else await this.clock.advance(STEP_MS);
  }

  /** Takes the objects of a namespace away, so that later plays have less to read. */
  async clear(namespace: string): Promise<void> {
    await this.#stop();
    for (const type of [
      cronJobs,
      jobs,
      deployments,
      daemonSets,
      statefulSets,
      replicaSets,
      replicationControllers,
      pods,
      persistentVolumeClaims,
    ]) {
      const resource = this.client.resource<KubeObject>(type, namespace);
      await resource.deleteCollection({ gracePeriodSeconds: 0, propagationPolicy: "Background" });
      for (const { metadata } of (await resource.list()).items)
        await resource.patch(metadata?.name ?? "", { metadata: { finalizers: null } }, { type: "merge" });
    }
  }

  async #quiet(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      if ((this.#mortal?.pending ?? 0) > 0) quiet = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async #live(): Promise<void> {
    const deaths = this.#deaths;
    const death =
      deaths === undefined
        ? undefined
        : {
            atWrite: 1 + deaths.random.below(deaths.most),
            when: deaths.random.chance(0.5) ? ("before" as const) : ("after" as const),
          };
    this.#mortal = new MortalClient(this.client, death);
    this.#manager = new ControllerManager({
      client: this.#mortal,
      clock: this.clock,
      logger: nullLogger,
      controllers: this.#controllers,
    });
    const starting = [this.#manager.start()];
    if (this.#schedules) {
      this.#scheduler = new Scheduler({ client: this.#mortal, clock: this.clock, logger: nullLogger });
      starting.push(this.#scheduler.start());
    }
    await this.#started(Promise.all(starting));
  }

  /** Some controllers wait a moment before they begin, and none may wait for ever. */
  async #started(starting: Promise<unknown>): Promise<void> {
    let done = false;
    const started = starting.finally(() => (done = true));
    // Told again by the await below.
    started.catch(() => undefined);
    // One that dies before the other has started takes it along.
    for (let turns = 0; !done && this.#mortal?.dead !== true; turns++) {
      await this.#quiet();
      if (turns % 100 === 99) await this.clock.advance(STEP_MS);
    }
    if (done && this.#mortal?.dead !== true) await started;
  }

  async #stop(): Promise<void> {
    // Dead first: what is under way must not be finished.
    await this.#mortal?.[Symbol.asyncDispose]();
    const manager = this.#manager;
    const scheduler = this.#scheduler;
    this.#manager = undefined;
    this.#scheduler = undefined;
    await scheduler?.[Symbol.asyncDispose]();
    await manager?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await this.#parts.disposeAsync();
  }
}
