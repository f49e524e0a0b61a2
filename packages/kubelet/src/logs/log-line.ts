/** A line of a container's log file: `2016-10-06T00:17:09.669794202Z stdout F text` (CRI's logging format). */

export interface LogLine {
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** The runtime cut the line here; the next record goes on with it. */
  readonly partial: boolean;
  readonly text: Buffer;
}

const SPACE = 0x20;

/** Parses one record without its newline; undefined for bytes that are none (a write that was cut off by a crash). */
export function parseLogLine(bytes: Buffer): LogLine | undefined {
  const first = bytes.indexOf(SPACE);
  const second = bytes.indexOf(SPACE, first + 1);
  if (first <= 0 || second < 0) return undefined;
  const third = bytes.indexOf(SPACE, second + 1);
  const tagsEnd = third < 0 ? bytes.length : third;
  const stream = bytes.toString("latin1", first + 1, second);
  const tags = bytes.toString("latin1", second + 1, tagsEnd).split(":");
  if ((stream !== "stdout" && stream !== "stderr") || !["F", "P"].includes(tags[0] ?? "")) return undefined;
  const time = bytes.toString("latin1", 0, first);
  if (Number.isNaN(Date.parse(time))) return undefined;
  return { time, stream, partial: tags[0] === "P", text: bytes.subarray(third < 0 ? bytes.length : third + 1) };
}
