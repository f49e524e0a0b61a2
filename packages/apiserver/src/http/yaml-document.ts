import { exactInteger, mayHoldLongIntegers } from "@knots/machinery/exact-json";
import { Composer, LineCounter, Parser, isAlias, isNode, isScalar, visit } from "yaml";
import type { Document } from "yaml";

/** Aliases that one anchor may have: what they stand for is there as often. */
const MAX_ALIASES = 1000;

/** What a YAML text says. */
export interface YamlContent {
  /** Integers of 64 bits that no number holds are bigints. */
  readonly value: unknown;
  /** Keys that are there twice, of which the last one counts: their text and line. */
  readonly duplicates: readonly { readonly key: string; readonly line: number }[];
}

/** The content, or what is wrong with the text: in a form that passes between threads. */
export type YamlReading = YamlContent | { readonly problem: string };

export function attemptYaml(text: string): YamlReading {
  try {
    return readYamlText(text);
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/**
 * Reads the first document of a YAML text: others are not looked at, as upstream's parser does not.
 * Throws what is wrong with the text, and where, as Go's parser begins it: "yaml: line 3: ".
 */
export function readYamlText(text: string): YamlContent {
  return withinStack(() => {
    const lines = new LineCounter();
    const long = mayHoldLongIntegers(text);
    const document = compose(text, lines, long);
    if (text.includes("*")) checkAliases(document);
    const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
    return { value: long ? exact(value) : value, duplicates: duplicatesIn(document, text, lines) };
  });
}

function compose(text: string, lines: LineCounter, long: boolean): Document {
  const composer = new StrictComposer(
    {
      version: "1.1",
      merge: true,
      // Looking for them compares each key of a map with each: `duplicatesIn` does it in one pass.
      uniqueKeys: false,
      logLevel: "error",
      intAsBigInt: long,
    },
    lines,
  );
  let begun = false;
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    if (token.type === "document") {
      if (begun) break;
      begun = true;
    }
    // It keeps the document to itself until the end, or the next one.
    Array.from(composer.next(token));
  }
  const [document] = composer.end(true, text.length);
  if (document === undefined) throw new Error("a YAML text has no document");
  return checked(document, lines);
}

/** What the parser, not the composer, has found. */
function checked(document: Document, lines: LineCounter): Document {
  const [error] = document.errors;
  if (error !== undefined) throw problem(error.pos[0], error.message, lines);
  return document as Document;
}

/** Stops at the first error: a text may have one at each character, and nobody hears of the second. */
class StrictComposer extends Composer {
  constructor(options: ConstructorParameters<typeof Composer>[0], lines: LineCounter) {
    super(options);
    let first: Error | undefined;
    const onError = (source: ErrorSource, _code: string, message: string, warning?: boolean): void => {
      if (warning === true) return;
      const start = typeof source === "number" ? source : "offset" in source ? source.offset : source[0];
      // Some of the composer's parts tell what they catch as an error of their own.
      throw (first ??= problem(start, message, lines));
    };
    Object.assign(this, { onError });
  }
}

type ErrorSource = number | readonly [number, number] | { readonly offset: number };

/** The composer's words, without the place and the picture of it that may come after. */
function problem(at: number, message: string, lines: LineCounter): Error {
  // It tells the end of the stack as an error of the text.
  if (isStackEnd({ message })) return tooDeep(new Error(message));
  const [first = ""] = message.split("\n");
  const words = first.replace(/ at line \d+, column \d+:?$/, "");
  return new SyntaxError(`yaml: line ${lines.linePos(at).line}: ${words}`);
}

function duplicatesIn(document: Document, text: string, lines: LineCounter): YamlContent["duplicates"] {
  const starts: number[] = [];
  visit(document, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (!seen.has(key.value)) {
          seen.add(key.value);
          continue;
        }
        starts.push(key.range?.[0] ?? 0);
      }
    },
  });
  // In the order of the text: a map is visited before those within it.
  starts.sort((a, b) => a - b);
  return starts.map((start) => {
    const key = /^["']?([^"':\n]*)/.exec(text.slice(start))?.[1] ?? "";
    return { key: key.trim(), line: lines.linePos(start).line };
  });
}

/** Numbers for the bigints that they hold; in place. */
function exact(value: unknown): unknown {
  if (typeof value === "bigint") return exactInteger(value);
  if (typeof value === "object" && value !== null) {
    const holder = value as Record<string, unknown>;
    for (const key of Object.keys(holder)) {
      const inner = holder[key];
      if (typeof inner === "bigint") holder[key] = exactInteger(inner);
      else if (typeof inner === "object") exact(inner);
    }
  }
  return value;
}

/** An anchor must be there, and not stand for what it is part of. */
function checkAliases(document: Document): void {
  const anchors = new Set<string>();
  visit(document, {
    Node(_key, node, path) {
      if ("anchor" in node && node.anchor !== undefined) anchors.add(node.anchor);
      if (!isAlias(node)) return;
      const { source } = node;
      if (!anchors.has(source)) throw new SyntaxError(`yaml: unknown anchor '${source}' referenced`);
      const around = path.some((each) => isNode(each) && "anchor" in each && each.anchor === source);
      if (around) throw new SyntaxError(`yaml: anchor '${source}' value contains itself`);
    },
  });
}

/** The YAML parser goes down the stack with what it reads, until the stack ends. */
function withinStack<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw isStackEnd(error as Error) ? tooDeep(error as Error) : error;
  }
}

const isStackEnd = ({ message }: { readonly message: string }): boolean => message.includes("call stack");
const tooDeep = (cause: Error): SyntaxError => new SyntaxError("exceeded max depth", { cause });
