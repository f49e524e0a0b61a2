// Names that are not the cluster's: asked of the upstream servers in turn, so many at once.
import { randomInt } from "node:crypto";
import type { Logger } from "@knots/machinery";
import type { Question } from "../wire/query.ts";
import { exchange, type Upstream } from "./exchange.ts";

const TIMEOUT_MS = 2_000;
const ROUNDS = 2;
const MAX_IN_FLIGHT = 1_000;

export class Forwarder {
  readonly #upstreams: readonly Upstream[];
  readonly #logger: Logger;
  /** Questions on their way, so that each is asked once at a time: servers that lead back to us go round once, not for ever. */
  readonly #inFlight = new Map<string, Promise<Buffer | undefined>>();
  #told = false;

  constructor(upstreams: readonly Upstream[], logger: Logger) {
    this.#upstreams = upstreams;
    this.#logger = logger;
  }

  /** The first answer of an upstream server; undefined when there is none to be had. */
  async ask(question: Question): Promise<Buffer | undefined> {
    if (this.#upstreams.length === 0 && !this.#told) {
      this.#told = true;
      this.#logger.warn("no --upstream: names outside the cluster are answered with SERVFAIL");
    }
    const key = JSON.stringify([question.labels, question.type, question.class]);
    const waiting = this.#inFlight.get(key);
    if (waiting !== undefined) return await waiting;
    if (this.#inFlight.size >= MAX_IN_FLIGHT) return undefined;
    const answer = this.#askInTurn(question).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, answer);
    return await answer;
  }

  async #askInTurn(question: Question): Promise<Buffer | undefined> {
    for (let round = 0; round < ROUNDS; round++) {
      for (const upstream of this.#upstreams) {
        try {
          return await exchange(message(question), upstream, TIMEOUT_MS);
        } catch (error) {
          const words = error instanceof Error ? error.message : String(error);
          this.#logger.debug({ upstream: upstream.address, error: words }, "upstream server failed");
        }
      }
    }
    return undefined;
  }
}

/** A recursive query with an id of our own and room for 1232 bytes. */
function message({ bytes }: Question): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(randomInt(0x1_0000), 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  const option = Buffer.from([0, 0, 41, 1232 >> 8, 1232 & 0xff, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, bytes, option]);
}
