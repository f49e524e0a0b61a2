// A message in, a message out: from the cluster's zone, from upstream, or from both where an ExternalName points outside.
import { decode, type Answer } from "dns-packet";
import type { Forwarder } from "./forward/forwarder.ts";
import { CLASS_IN, RCODE, TYPE } from "./wire/numbers.ts";
import { newQuestion, receive, type Query } from "./wire/query.ts";
import { encodeError, encodeResponse, fit, type ResponseParts } from "./wire/response.ts";
import { answerFromZone, answerReverse, withinZone, type ZoneAnswer, type ZoneOptions } from "./zone/zone.ts";

const MAX_CHAIN = 8;

export interface ResolverOptions {
  readonly zone: ZoneOptions;
  readonly forwarder: Pick<Forwarder, "ask">;
  /** Whether the cluster's Services have been read. */
  readonly ready: () => boolean;
  /** Shuffles in place. */
  readonly shuffle?: (answers: Answer[]) => void;
}

export class Resolver {
  readonly #options: ResolverOptions;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** The answer, at most `maxSize(query)` bytes; undefined where none is due. Never rejects for what the message holds. */
  async answer(bytes: Buffer, maxSize: (query: Query) => number): Promise<Buffer | undefined> {
    const received = receive(bytes);
    switch (received.kind) {
      case "drop":
        return undefined;
      case "malformed":
        return encodeError(received.id, received.opcode, received.rcode);
      case "refuse": {
        const { query, rcode } = received;
        return fit(encodeResponse(query, empty(rcode)), query, maxSize(query), rcode);
      }
      case "query": {
        const { query } = received;
        const parts = await this.#parts(query);
        const message = encodeResponse(query, parts);
        return fit(message, query, maxSize(query), parts.rcode);
      }
    }
  }

  async #parts(query: Query): Promise<ResponseParts> {
    const { zone, ready } = this.#options;
    const { labels, type } = query.question;
    if (query.question.class !== CLASS_IN || type === TYPE.AXFR || type === TYPE.IXFR) return empty(RCODE.REFUSED);
    const inside = withinZone(labels, zone.domain);
    const reverse = labels.at(-1) === "arpa";
    if ((inside !== undefined || reverse) && !ready()) return empty(RCODE.SERVFAIL);
    const owner = labels.join(".");
    if (inside !== undefined) return await this.#ours(answerFromZone(zone, owner, inside, type), type);
    const pointer = reverse ? answerReverse(zone, owner, labels, type) : undefined;
    if (pointer !== undefined) return this.#own(pointer);
    return await this.#forward(query.question.bytes, labels, type);
  }

  #own(answer: ZoneAnswer): ResponseParts {
    this.#options.shuffle?.(answer.answers);
    return { ...answer, authoritative: true, recursionAvailable: true };
  }

  /** An answer of the zone, and what its alias leads to. */
  async #ours(first: ZoneAnswer, type: number): Promise<ResponseParts> {
    const { zone } = this.#options;
    if (first.goesOn === undefined) return this.#own(first);
    const answers = [...first.answers];
    let next: string | undefined = first.goesOn;
    for (let hop = 0; next !== undefined && hop < MAX_CHAIN; hop++) {
      const labels: string[] = next
        .toLowerCase()
        .split(".")
        .filter((label) => label !== "");
      const inside = withinZone(labels, zone.domain);
      if (inside === undefined) {
        const parts = await this.#forward(newQuestion(labels, type).bytes, labels, type);
        // The alias is true whatever became of its target.
        return { ...empty(RCODE.NOERROR), authoritative: true, answers: [...answers, ...(parts.answers ?? [])] };
      }
      const step = answerFromZone(zone, labels.join("."), inside, type);
      answers.push(...step.answers);
      next = step.goesOn;
    }
    return { ...empty(RCODE.NOERROR), authoritative: true, answers };
  }

  async #forward(bytes: Buffer, labels: readonly string[], type: number): Promise<ResponseParts> {
    const answer = await this.#options.forwarder.ask({ bytes, labels, type, class: CLASS_IN });
    if (answer === undefined) return empty(RCODE.SERVFAIL);
    try {
      const { answers = [], authorities = [], additionals = [] } = decode(answer);
      const plain = (records: readonly Answer[]): Answer[] => records.filter((each) => each.type !== "OPT");
      return {
        rcode: (answer[3] ?? 0) & 0xf,
        authoritative: false,
        recursionAvailable: true,
        answers: plain(answers),
        authorities: plain(authorities),
        additionals: plain(additionals),
      };
    } catch {
      // A server that writes what nobody can read has not answered.
      return empty(RCODE.SERVFAIL);
    }
  }
}

function empty(rcode: number): ResponseParts {
  return { rcode, authoritative: false, recursionAvailable: true };
}
