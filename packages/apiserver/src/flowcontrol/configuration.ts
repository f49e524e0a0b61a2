// Follows FlowSchemas and PriorityLevelConfigurations: hands them to the flow control, keeps the default ones as they
// should be, and tells in each schema's status whether its level exists.
import { flowSchemas, priorityLevelConfigurations } from "@knots/api/flowcontrol/v1";
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import { formatTime, isAlreadyExists, isConflict, isNotFound } from "@knots/machinery";
import type { Clock, KubeObject, Logger, ResourceType } from "@knots/machinery";
import type { Registry } from "../registry/registry.ts";
import { danglingCondition } from "./dangling.ts";
import { MANDATORY_LEVELS, MANDATORY_SCHEMAS, SUGGESTED_LEVELS, SUGGESTED_SCHEMAS } from "./defaults.ts";
import type { FlowControl } from "./flow-control.ts";
import { isObsolete, maintain } from "./maintain.ts";

const MAINTENANCE_MS = 60_000;
const PRODUCER = "api-priority-and-fairness-config-producer-v1";
const CONSUMER = "api-priority-and-fairness-config-consumer-v1";

export interface ConfigurationOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent when the server was told to do without priority and fairness: the objects exist all the same. */
  readonly flowControl: FlowControl | undefined;
}

export class FlowConfiguration implements AsyncDisposable {
  readonly #options: ConfigurationOptions;
  readonly #subscriptions: Disposable[] = [];
  #timer: { cancel(): void } | undefined;
  #stopped = false;
  #scheduled = false;
  #deleted = false;
  #working: Promise<void> = Promise.resolve();

  constructor(options: ConfigurationOptions) {
    this.#options = options;
  }

  /** Resolves when the default objects exist and are in force. */
  async start(): Promise<void> {
    const { registry, clock } = this.#options;
    const changed = (type: "added" | "modified" | "deleted"): void => {
      if (type === "deleted") this.#deleted = true;
      this.#schedule();
    };
    this.#subscriptions.push(
      registry.subscribe(flowSchemas, ({ type }) => changed(type)),
      registry.subscribe(priorityLevelConfigurations, ({ type }) => changed(type)),
    );
    this.#apply();
    await this.#maintain();
    this.#apply();
    await this.#writeStatuses();
    this.#timer = clock.setInterval(() => this.#run(() => this.#maintain()), MAINTENANCE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    await this.#working;
  }

  /** All changes of one turn are taken over at once. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#stopped) return;
      this.#apply();
      this.#run(async () => {
        if (this.#deleted) {
          this.#deleted = false;
          await this.#maintain();
        }
        await this.#writeStatuses();
      });
    });
  }

  /** One after another, so that no two write the same object. */
  #run(work: () => Promise<void>): void {
    this.#working = this.#working
      .then(() => (this.#stopped ? undefined : work()))
      .catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, "flow control objects could not be brought up to date");
      });
  }

  #apply(): void {
    const { registry, flowControl } = this.#options;
    flowControl?.configure(registry.list(priorityLevelConfigurations), registry.list(flowSchemas));
  }

  async #maintain(): Promise<void> {
    await this.#maintainAll(priorityLevelConfigurations, MANDATORY_LEVELS, SUGGESTED_LEVELS);
    await this.#maintainAll(flowSchemas, MANDATORY_SCHEMAS, SUGGESTED_SCHEMAS);
  }

  async #maintainAll<T extends FlowSchema | PriorityLevelConfiguration>(
    type: ResourceType<T>,
    mandatory: readonly T[],
    suggested: readonly T[],
  ): Promise<void> {
    const { registry } = this.#options;
    const names = new Set([...mandatory, ...suggested].map(({ metadata }) => metadata?.name ?? ""));
    await Promise.all([
      ...mandatory.map((object) => this.#maintainOne(type, object, true)),
      ...suggested.map((object) => this.#maintainOne(type, object, false)),
    ]);
    for (const object of registry.list(type)) {
      if (!isObsolete(object, names)) continue;
      await registry
        .storageFor(type)
        .delete(registry.system("", PRODUCER), "", object.metadata?.name ?? "", {})
        .catch(ignore(isNotFound));
    }
  }

  async #maintainOne<T extends FlowSchema | PriorityLevelConfiguration>(
    type: ResourceType<T>,
    wanted: T,
    mandatory: boolean,
  ): Promise<void> {
    const { registry } = this.#options;
    const name = wanted.metadata?.name ?? "";
    const storage = registry.storageFor(type);
    const next = maintain(wanted, registry.get(type, undefined, name), mandatory);
    if (next.action === "create") {
      await storage.create(registry.system("", PRODUCER), "", next.object as KubeObject).catch(ignore(isAlreadyExists));
    } else if (next.action === "update") {
      // Somebody else's write in between is looked at in the next round.
      await storage
        .update(registry.system("", PRODUCER), { namespace: "", name, transform: () => next.object as KubeObject })
        .catch(ignore((error) => isConflict(error) || isNotFound(error)));
    }
  }

  async #writeStatuses(): Promise<void> {
    const { registry, clock } = this.#options;
    for (const schema of registry.list(flowSchemas)) {
      const name = schema.metadata?.name ?? "";
      const level = schema.spec?.priorityLevelConfiguration.name ?? "";
      const exists = registry.get(priorityLevelConfigurations, undefined, level) !== undefined;
      const condition = danglingCondition(schema, exists, formatTime(new Date(clock.now())));
      if (condition === undefined) continue;
      await registry
        .storageFor(flowSchemas)
        .update(registry.system("status", CONSUMER), {
          namespace: "",
          name,
          forceUnconditional: true,
          retryOnConflict: true,
          transform: (current) => {
            const copy = structuredClone(current) as FlowSchema;
            const others = (copy.status?.conditions ?? []).filter(({ type }) => type !== "Dangling");
            copy.status = { ...copy.status, conditions: [...others, condition] };
            return copy as KubeObject;
          },
        })
        .catch(ignore(isNotFound));
    }
  }
}

function ignore(expected: (error: unknown) => boolean): (error: unknown) => void {
  return (error) => {
    if (!expected(error)) throw error;
  };
}
