import { exactInteger, mayHoldLongIntegers } from "@knots/machinery";
import { LineCounter, isAlias, isNode, parseDocument, visit } from "yaml";
import type { Document, YAMLError } from "yaml";

/** Aliases that one anchor may have: what they stand for is there as often. */
const MAX_ALIASES = 1000;

/** The first document of a YAML text: others are not looked at, as upstream's parser does not. */
export class YamlDocument {
  /** Keys that are there twice, of which the last one counts: their text and line. */
  readonly duplicates: readonly { readonly key: string; readonly line: number }[];
  readonly #document: Document;
  readonly #hasLong: boolean;

  /** Throws what is wrong with the text, and where, as Go's parser begins it: "yaml: line 3: ". */
  constructor(text: string, options: { readonly duplicates: boolean }) {
    const lines = new LineCounter();
    this.#hasLong = mayHoldLongIntegers(text);
    const document = withinStack(() =>
      parseDocument(text, {
        version: "1.1",
        merge: true,
        uniqueKeys: options.duplicates,
        lineCounter: lines,
        logLevel: "error",
        intAsBigInt: this.#hasLong,
      }),
    );
    const lineOf = ({ pos: [start] }: YAMLError): number => lines.linePos(start).line;
    const duplicates: { key: string; line: number }[] = [];
    for (const error of document.errors) {
      if (error.code === "MULTIPLE_DOCS") break;
      // The parser tells the end of the stack as an error of the text.
      if (isStackEnd(error)) throw tooDeep(error);
      if (error.code !== "DUPLICATE_KEY") throw new SyntaxError(`yaml: line ${lineOf(error)}: ${problemOf(error)}`);
      const key = /^["']?([^"':\n]*)/.exec(text.slice(error.pos[0]))?.[1] ?? "";
      duplicates.push({ key: key.trim(), line: lineOf(error) });
    }
    if (text.includes("*")) withinStack(() => checkAliases(document));
    this.duplicates = duplicates;
    this.#document = document;
  }

  /** Integers of 64 bits that no number holds are bigints. */
  value(): unknown {
    return withinStack(() => {
      const value = this.#document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
      return this.#hasLong ? exact(value) : value;
    });
  }
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

/** The parser's words, without the place and the picture of it that come after. */
function problemOf({ message }: YAMLError): string {
  const [first = ""] = message.split("\n");
  return first.replace(/ at line \d+, column \d+:?$/, "");
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

const isStackEnd = ({ message }: Error): boolean => message.includes("call stack");
const tooDeep = (cause: Error): SyntaxError => new SyntaxError("exceeded max depth", { cause });
