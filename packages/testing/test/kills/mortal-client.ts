import { Client, type RequestOptions } from "@knots/client";

const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);
/** What a component only says to people: whether it got that far tells nothing of its work. */
const TALK = /\/events(\/|$)/;

/** When a process is to die: at its n-th write, before the server hears of it or after it has done it. */
export interface Death {
  readonly atWrite: number;
  readonly when: "before" | "after";
}

/** The client of a process that dies at a certain write. From then on nothing that it does reaches the server. */
export class MortalClient extends Client {
  readonly #inner: Client;
  readonly #death: Death | undefined;
  #writes = 0;
  #dead = false;
  #pending = 0;
  #last = "";

  /** Without a death it lives for ever. */
  constructor(inner: Client, death?: Death) {
    super(inner.config);
    this.#inner = inner;
    this.#death = death;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Requests that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Writes so far, but for events. */
  get writes(): number {
    return this.#writes;
  }

  /** The write at which it died. */
  get lastWrite(): string {
    return this.#last;
  }

  override async request(method: string, path: string, options?: RequestOptions): Promise<unknown> {
    this.#mustLive();
    const counts = WRITES.has(method) && !TALK.test(path);
    const dies = counts && ++this.#writes === this.#death?.atWrite;
    if (dies) this.#last = `${method} ${path}`;
    if (dies && this.#death?.when === "before") this.#dead = true;
    this.#mustLive();
    this.#pending++;
    try {
      return await this.#inner.request(method, path, options);
    } finally {
      this.#pending--;
      if (dies) this.#dead = true;
      this.#mustLive();
    }
  }

  override async rawRequest(...request: Parameters<Client["rawRequest"]>): ReturnType<Client["rawRequest"]> {
    this.#mustLive();
    return await this.#inner.rawRequest(...request);
  }

  #mustLive(): void {
    if (this.#dead) throw new Error("the process has been killed");
  }

  /** The connection is everybody's and stays. */
  override async [Symbol.asyncDispose](): Promise<void> {
    this.#dead = true;
    await super[Symbol.asyncDispose]();
  }
}
