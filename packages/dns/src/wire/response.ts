// Answers as bytes: owner names compressed, records left out that the asker cannot take.
import { encode, type Answer } from "dns-packet";
import { COUNT_OFFSETS, HEADER_LENGTH, readRecords, SECTIONS, type RecordLayout } from "./layout.ts";
import type { Query } from "./query.ts";
import { TYPE } from "./numbers.ts";

const QR = 0x8000;
const AA = 0x0400;
const TC = 0x0200;
const RD = 0x0100;
const RA = 0x0080;
const CD = 0x0010;

export interface ResponseParts {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly additionals?: readonly Answer[];
}

/** What our datagrams may be at most, whatever the asker says: beyond it fragments get lost. */
export const MAX_UDP = 4096;
/** What we say we take: RFC 9715 and the DNS flag day of 2020. */
export const ADVERTISED_UDP = 1232;
export const MAX_TCP = 65_535;
const OPT_LENGTH = 11;

/** An answer to the query in full; `fit` makes it ready to send. */
export function encodeResponse(query: Query, parts: ResponseParts): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  const lists = [parts.answers ?? [], parts.authorities ?? [], parts.additionals ?? []];
  header.writeUInt16BE(query.id, 0);
  header.writeUInt16BE(
    QR |
      (parts.authoritative ? AA : 0) |
      (query.recursionDesired ? RD : 0) |
      (parts.recursionAvailable ? RA : 0) |
      (query.checkingDisabled ? CD : 0) |
      (parts.rcode & 0xf),
    2,
  );
  header.writeUInt16BE(1, 4);
  SECTIONS.forEach((section, index) => header.writeUInt16BE(lists[index]?.length ?? 0, COUNT_OFFSETS[section]));
  const chunks: Buffer[] = [header, query.question.bytes];
  let length = HEADER_LENGTH + query.question.bytes.length;
  const known = new Map<string, number>();
  remember(known, query.question.labels, HEADER_LENGTH);
  for (const record of lists.flat()) {
    const labels = record.name.split(".").filter((label) => label !== "");
    const name = compressed(known, labels);
    remember(known, labels, length);
    // dns-packet writes the rest: a record at the root has a name of one octet.
    const rest = encode({ type: "response", answers: [{ ...record, name: "." }] }).subarray(HEADER_LENGTH + 1);
    chunks.push(name, rest);
    length += name.length + rest.length;
  }
  return Buffer.concat(chunks, length);
}

/** Notes where each tail of a name stands; pointers reach 14 bits far. */
function remember(known: Map<string, number>, labels: readonly string[], offset: number): void {
  let at = offset;
  for (let index = 0; index < labels.length; index++) {
    const tail = labels.slice(index).join(".").toLowerCase();
    // What follows a tail known already is a pointer and has no places of its own.
    if (known.has(tail)) return;
    if (at < 0x4000) known.set(tail, at);
    at += (labels[index]?.length ?? 0) + 1;
  }
}

function compressed(known: ReadonlyMap<string, number>, labels: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index < labels.length; index++) {
    const pointer = known.get(labels.slice(index).join(".").toLowerCase());
    if (pointer !== undefined) {
      parts.push(Buffer.of(0xc0 | (pointer >> 8), pointer & 0xff));
      return Buffer.concat(parts);
    }
    const label = Buffer.from(labels[index] ?? "", "latin1");
    parts.push(Buffer.of(label.length), label);
  }
  parts.push(Buffer.of(0));
  return Buffer.concat(parts);
}

/**
 * A message (without OPT) as large as the asker takes: records are left out from the end, and where one of the answer or authority section is,
 * TC says so (RFC 2181, 9: additional records are no loss). Ends with our OPT record where the asker sent one.
 */
export function fit(message: Buffer, query: Query, maxSize: number, rcode = 0): Buffer {
  const room = maxSize - (query.edns === undefined ? 0 : OPT_LENGTH);
  const short = message.length > room ? shorten(message, query, room) : message;
  if (query.edns === undefined) return short;
  const option = Buffer.alloc(OPT_LENGTH);
  option.writeUInt16BE(TYPE.OPT, 1);
  option.writeUInt16BE(ADVERTISED_UDP, 3);
  option.writeUInt8(rcode >> 4, 5);
  option.writeUInt16BE(query.edns.dnssecOk ? 0x8000 : 0, 7);
  const whole = Buffer.concat([short, option]);
  whole.writeUInt16BE(whole.readUInt16BE(COUNT_OFFSETS.additional) + 1, COUNT_OFFSETS.additional);
  return whole;
}

function shorten(message: Buffer, query: Query, room: number): Buffer {
  const questionEnd = HEADER_LENGTH + query.question.bytes.length;
  const records = readRecords(message, questionEnd);
  const kept = records.filter(({ end }) => end <= room);
  const short = Buffer.from(message.subarray(0, kept.at(-1)?.end ?? questionEnd));
  setCounts(short, kept);
  if (records.slice(kept.length).some(({ section }) => section !== "additional"))
    short.writeUInt16BE(short.readUInt16BE(2) | TC, 2);
  return short;
}

/** Makes the header's counts those of the records. */
export function setCounts(message: Buffer, records: readonly RecordLayout[]): void {
  for (const section of SECTIONS)
    message.writeUInt16BE(records.filter((record) => record.section === section).length, COUNT_OFFSETS[section]);
}

/** What can be said to a message that could not be read: its number and a code. */
export function encodeError(id: number, opcode: number, rcode: number): Buffer {
  const message = Buffer.alloc(HEADER_LENGTH);
  message.writeUInt16BE(id, 0);
  message.writeUInt16BE(QR | (opcode << 11) | rcode, 2);
  return message;
}
