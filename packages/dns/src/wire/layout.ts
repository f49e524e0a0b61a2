// Where things are in a DNS message, without making objects of them: what is passed on stays the bytes it was.

export class WireError extends Error {}

export const HEADER_LENGTH = 12;
/** RFC 1035, 2.3.4: a name's octets, lengths and the root's zero included. */
const MAX_NAME = 255;

function byte(message: Buffer, offset: number): number {
  const value = message[offset];
  if (value === undefined) throw new WireError("the message ends too early");
  return value;
}

function uint16(message: Buffer, offset: number): number {
  return (byte(message, offset) << 8) | byte(message, offset + 1);
}

/** The offset behind the name at `offset`. A pointer ends a name; what it points at is not looked at. */
function skipName(message: Buffer, offset: number): number {
  for (let at = offset; ;) {
    const length = byte(message, at);
    if (length === 0) return at + 1;
    if ((length & 0xc0) === 0xc0) {
      byte(message, at + 1);
      return at + 2;
    }
    if ((length & 0xc0) !== 0) throw new WireError("a label of an unknown kind");
    at += length + 1;
    if (at - offset > MAX_NAME) throw new WireError("a name is too long");
  }
}

/** The labels of a name written in full, each byte one character, letters small. Throws where it is compressed. */
export function readLabels(message: Buffer, offset: number): { labels: string[]; end: number } {
  const labels: string[] = [];
  for (let at = offset; ;) {
    const length = byte(message, at);
    if (length === 0) return { labels, end: at + 1 };
    if (length > 63) throw new WireError("a question's name is compressed");
    byte(message, at + length);
    // ASCII letters only: toLowerCase would turn Latin-1 capitals too, which DNS does not (RFC 4343).
    labels.push(
      message.toString("latin1", at + 1, at + 1 + length).replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
    );
    at += length + 1;
    if (at - offset >= MAX_NAME) throw new WireError("a name is too long");
  }
}

export interface QuestionLayout {
  readonly labels: readonly string[];
  readonly type: number;
  readonly class: number;
  readonly end: number;
}

export function readQuestion(message: Buffer, offset: number): QuestionLayout {
  const { labels, end } = readLabels(message, offset);
  return { labels, type: uint16(message, end), class: uint16(message, end + 2), end: end + 4 };
}

export type Section = "answer" | "authority" | "additional";

export interface RecordLayout {
  readonly section: Section;
  readonly start: number;
  readonly end: number;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** Where the four octets of the TTL are. */
  readonly ttlOffset: number;
}

export const COUNT_OFFSETS: Readonly<Record<Section, number>> = { answer: 6, authority: 8, additional: 10 };
export const SECTIONS: readonly Section[] = ["answer", "authority", "additional"];

/** The records of a message with their places, from the end of the question section on. Throws WireError. */
export function readRecords(message: Buffer, offset: number): RecordLayout[] {
  const records: RecordLayout[] = [];
  let at = offset;
  for (const section of SECTIONS) {
    for (let left = uint16(message, COUNT_OFFSETS[section]); left > 0; left--) {
      const start = at;
      const fixed = skipName(message, at);
      const end = fixed + 10 + uint16(message, fixed + 8);
      if (end > message.length) throw new WireError("the message ends too early");
      records.push({
        section,
        start,
        end,
        type: uint16(message, fixed),
        class: uint16(message, fixed + 2),
        ttl: message.readUInt32BE(fixed + 4),
        ttlOffset: fixed + 4,
      });
      at = end;
    }
  }
  return records;
}
