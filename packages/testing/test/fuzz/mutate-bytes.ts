import type { Random } from "./random.ts";

const TOKENS = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "\u0000",
  "null",
  "1e999",
  '{"a":',
  "[[[[",
  "&a",
  "*a",
  "!!",
  "- ",
].map((text) => Buffer.from(text));

/** The bytes with a few of them changed, gone, doubled or new. */
export function mutateBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let result = Buffer.from(bytes);
  for (let left = 1 + random.below(4); left > 0; left--) result = Buffer.from(mutateOnce(random, result));
  return result;
}

function mutateOnce(random: Random, bytes: Buffer): Uint8Array {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(12));
  const head = bytes.subarray(0, at);
  const tail = bytes.subarray(at);
  switch (random.below(7)) {
    case 0: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      return copy;
    }
    case 1: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = random.pick([0, 0x7f, 0x80, 0xff, 0x22, 0x7b]);
      return copy;
    }
    case 2:
      return head;
    case 3:
      return Buffer.concat([head, bytes.subarray(end)]);
    case 4:
      return Buffer.concat([head, bytes.subarray(at, end), tail]);
    case 5:
      return Buffer.concat([head, random.pick(TOKENS), tail]);
    default:
      return Buffer.concat([head, Buffer.from([random.below(256), random.below(256)]), tail]);
  }
}
