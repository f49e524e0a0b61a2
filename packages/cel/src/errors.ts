/** An error of evaluation, as a value of the language: `||`, `&&` and comprehensions may outweigh it. */
export class CelError extends Error {
  override readonly name: string = "CelError";
  constructor(message: string) {
    // An expression may meet a hundred thousand of them, and nobody reads their stacks: those are what takes time.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Evaluation was stopped; nothing outweighs that. */
export class CostExceeded extends Error {
  override readonly name = "CostExceeded";
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
  }
}

/** Evaluation was given up because others wait; it is to be begun again, with pauses. */
export class TurnOver extends Error {
  override readonly name = "TurnOver";
  constructor() {
    super("evaluation takes longer than its turn");
  }
}

/** An expression that compiles and cannot be run: a regular expression in it is none. */
export class InstantiationError extends Error {
  override readonly name = "InstantiationError";
}

/** What is wrong with an expression, and where. */
export interface Issue {
  /** Offset in the source; -1 when it concerns the whole. */
  readonly pos: number;
  readonly message: string;
}

/** As upstream: more are counted, not shown. */
export const MAX_ISSUES = 100;
/** Longest line that is shown with its error. */
const MAX_LINE = 10_000;

/** An expression that does not parse or has no type. The message is upstream's, with the place marked. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  readonly issues: readonly Issue[];

  constructor(source: string, issues: readonly Issue[]) {
    const sorted = issues.toSorted((a, b) => a.pos - b.pos);
    const shown = sorted.slice(0, MAX_ISSUES).map((issue) => formatIssue(source, issue));
    if (sorted.length > MAX_ISSUES) shown.push(`${sorted.length - MAX_ISSUES} more errors were truncated`);
    super(shown.join("\n"));
    this.issues = sorted;
  }
}

function formatIssue(source: string, { pos, message }: Issue): string {
  if (pos < 0) return `ERROR: <input>:-1:0: ${message}`;
  const before = source.slice(0, pos);
  const line = before.split("\n").length;
  const start = before.lastIndexOf("\n") + 1;
  const end = source.indexOf("\n", start);
  const text = source.slice(start, end < 0 ? undefined : end).replaceAll("\t", " ");
  const lead = Array.from(source.slice(start, pos));
  const said = `ERROR: <input>:${line}:${lead.length + 1}: ${message}`;
  // A hundred errors in one endless line would make a text of many megabytes.
  if (text.length > MAX_LINE) return said;
  // Wide characters get wide dots, as upstream's.
  const dots = lead.map((char) => (isWide(char) ? "．" : ".")).join("");
  const [at = ""] = Array.from(source.slice(pos));
  return `${said}\n | ${text}\n | ${dots}${isWide(at) ? "＾" : "^"}`;
}

function isWide(char: string): boolean {
  return (char.codePointAt(0) ?? 0) > 127;
}
