// JSON values, one a line, from a stream: the framing of a watch.

const NEWLINE = 0x0a;

/** Yields each line's value as soon as it is whole. Throws SyntaxError on a line that is no JSON. */
export async function* jsonLines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<unknown> {
  let rest: Buffer[] = [];
  for await (const chunk of stream) {
    const bytes =
      typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const line =
        rest.length === 0
          ? bytes.toString("utf8", start, end)
          : Buffer.concat([...rest, bytes.subarray(start, end)]).toString();
      rest = [];
      start = end + 1;
      if (line !== "") yield JSON.parse(line) as unknown;
    }
    if (start < bytes.length) rest.push(bytes.subarray(start));
  }
}
