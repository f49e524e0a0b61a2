import type { UserInfo } from "../auth/types.ts";
import type { RequestInfo } from "../http/request-info.ts";
import { RequestRejected } from "./request-rejected.ts";
import type { Gate, Seat } from "./types.ts";

const READING = new Set(["get", "list", "watch"]);

/** What limits requests when priority and fairness is off: so many readers, so many writers, the rest is refused. */
export class MaxInFlight implements Gate {
  readonly #limits: { readonly reading: number; readonly mutating: number };
  #reading = 0;
  #mutating = 0;

  /** 0: no limit. */
  constructor(limits: { readonly reading: number; readonly mutating: number }) {
    this.#limits = limits;
  }

  enter(user: UserInfo, info: RequestInfo): Seat {
    // Long-running requests would fill every place.
    if (info.verb === "watch") return { release: () => undefined };
    const reading = READING.has(info.verb);
    const limit = reading ? this.#limits.reading : this.#limits.mutating;
    const now = reading ? this.#reading : this.#mutating;
    if (limit > 0 && now >= limit && !user.groups.includes("system:masters")) {
      throw new RequestRejected("concurrency-limit");
    }
    this.#add(reading, 1);
    let held = true;
    return {
      release: () => {
        if (held) this.#add(reading, -1);
        held = false;
      },
    };
  }

  #add(reading: boolean, by: number): void {
    if (reading) this.#reading += by;
    else this.#mutating += by;
  }
}
