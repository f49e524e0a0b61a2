// A question read from bytes that anybody may have sent.
import { HEADER_LENGTH, readQuestion, readRecords, WireError } from "./layout.ts";
import { CLASS_IN, RCODE, TYPE } from "./numbers.ts";

export interface Edns {
  /** What the asker takes in one datagram, at least 512. */
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export interface Question {
  /** From the left, letters small, without the root. A label is bytes: what is not a host name fits no record. */
  readonly labels: readonly string[];
  readonly type: number;
  readonly class: number;
  /** The question section as it came: it goes back as it is, capitals included. */
  readonly bytes: Buffer;
}

export interface Query {
  readonly id: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly authenticData: boolean;
  readonly question: Question;
  readonly edns?: Edns;
}

/** What to do with a message: answer it, refuse it with a code, or say nothing. */
export type Received =
  | { readonly kind: "query"; readonly query: Query }
  | { readonly kind: "refuse"; readonly query: Query; readonly rcode: number }
  | { readonly kind: "malformed"; readonly id: number; readonly opcode: number; readonly rcode: number }
  | { readonly kind: "drop" };

const MIN_UDP = 512;

/** Reads a message. Never throws: answers (a loop of answers would never end) and scraps are dropped, the rest is told what is wrong. */
export function receive(message: Buffer): Received {
  if (message.length < HEADER_LENGTH) return { kind: "drop" };
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return { kind: "drop" };
  const opcode = (flags >> 11) & 0xf;
  if (opcode !== 0) return { kind: "malformed", id, opcode, rcode: RCODE.NOTIMP };
  try {
    return { kind: "query", query: readQuery(message, id, flags) };
  } catch (error) {
    if (error instanceof BadVersion) return { kind: "refuse", query: error.query, rcode: RCODE.BADVERS };
    if (error instanceof WireError) return { kind: "malformed", id, opcode, rcode: RCODE.FORMERR };
    throw error;
  }
}

class BadVersion extends Error {
  readonly query: Query;
  constructor(query: Query) {
    super("an EDNS version from the future");
    this.query = query;
  }
}

function readQuery(message: Buffer, id: number, flags: number): Query {
  // RFC 9619: a query has one question.
  if (message.readUInt16BE(4) !== 1) throw new WireError("not one question");
  const question = readQuestion(message, HEADER_LENGTH);
  const options = readRecords(message, question.end).filter(({ type }) => type === TYPE.OPT);
  const [option] = options;
  if (options.length > 1 || (option !== undefined && option.section !== "additional"))
    throw new WireError("more than one OPT record");
  const query: Query = {
    id,
    recursionDesired: (flags & 0x0100) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    authenticData: (flags & 0x0020) !== 0,
    question: {
      labels: question.labels,
      type: question.type,
      class: question.class,
      bytes: Buffer.from(message.subarray(HEADER_LENGTH, question.end)),
    },
    ...(option === undefined
      ? {}
      : {
          edns: {
            udpSize: Math.max(option.class, MIN_UDP),
            version: (option.ttl >>> 16) & 0xff,
            dnssecOk: (option.ttl & 0x8000) !== 0,
          },
        }),
  };
  if (query.edns !== undefined && query.edns.version !== 0) throw new BadVersion(query);
  return query;
}

/** A question of our own. Labels are at most 63 octets. */
export function newQuestion(labels: readonly string[], type: number): Question {
  const parts = labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label, "latin1")]);
  const tail = Buffer.of(0, type >> 8, type & 0xff, 0, CLASS_IN);
  return {
    labels: labels.map((label) => label.toLowerCase()),
    type,
    class: CLASS_IN,
    bytes: Buffer.concat([...parts, tail]),
  };
}
