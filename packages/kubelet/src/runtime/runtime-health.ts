/** Whether the container runtime and its network are ready; asked every few seconds, told when it changes. */
import type { Clock, Timer } from "@knots/machinery";
import { errorText } from "../cri/error.ts";
import type { RuntimeService } from "../cri/types.ts";

export interface RuntimeHealthOptions {
  readonly runtime: RuntimeService;
  readonly clock: Clock;
  readonly onChange: () => void;
}

const READY_MS = 5_000;
/** While something is missing it is looked at more often, so that the node becomes ready soon after. */
const WAITING_MS = 300;

export class RuntimeHealth implements AsyncDisposable {
  readonly #options: RuntimeHealthOptions;
  #timer: Timer | undefined;
  #stopped = false;
  #runtimeProblem: string | undefined = "container runtime status check may not have completed yet";
  #networkProblem: string | undefined;
  #current: Promise<void> = Promise.resolve();

  constructor(options: RuntimeHealthOptions) {
    this.#options = options;
  }

  get runtimeProblem(): string | undefined {
    return this.#runtimeProblem;
  }

  /** In upstream's words, or undefined when the network is ready. */
  get networkProblem(): string | undefined {
    return this.#networkProblem;
  }

  start(): void {
    this.#tick();
  }

  async check(): Promise<void> {
    const before = `${this.#runtimeProblem}|${this.#networkProblem}`;
    try {
      const { status } = await this.#options.runtime.status();
      const find = (type: string) => status?.conditions.find((condition) => condition.type === type);
      const say = (type: string): string => {
        const condition = find(type);
        return `${type}=${condition?.status ?? false} reason:${condition?.reason ?? ""} message:${condition?.message ?? ""}`;
      };
      this.#runtimeProblem =
        find("RuntimeReady")?.status === true ? undefined : `container runtime not ready: ${say("RuntimeReady")}`;
      this.#networkProblem =
        find("NetworkReady")?.status === true
          ? undefined
          : `container runtime network not ready: ${say("NetworkReady")}`;
    } catch (error) {
      this.#runtimeProblem = `container runtime is down: ${errorText(error)}`;
    }
    if (`${this.#runtimeProblem}|${this.#networkProblem}` !== before) this.#options.onChange();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#current;
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#current = this.check().finally(() => {
      const ready = this.#runtimeProblem === undefined && this.#networkProblem === undefined;
      if (!this.#stopped)
        this.#timer = this.#options.clock.setTimeout(() => this.#tick(), ready ? READY_MS : WAITING_MS);
    });
  }
}
