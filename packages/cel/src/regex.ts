import { RE2JS } from "re2js";
import { CelError } from "./errors.ts";
import { isTooLarge } from "./regex/pattern-size.ts";
import { Program } from "./regex/program.ts";
import { findAll, test } from "./regex/search.ts";
import { finish } from "./turns.ts";

/** Expressions in use are few; the bounds keep patterns made at run time from piling up. */
const CACHE_SIZE = 1000;
/** Instructions take more than a hundred bytes each. */
const CACHE_INSTRUCTIONS = 300_000;
const cache = new Map<string, Regex>();
let instructions = 0;

/** Characters times instructions that RE2JS gets through in one piece: some 20 ms, if the pattern is unkind. */
const LONG = 50_000;
/** Its search for all matches may begin anew at every character: what that may come to. */
const LONG_SEARCH = 1_000_000;

/** A regular expression that takes linear time, whatever the text. */
export class Regex {
  readonly #pattern: RE2JS;
  /** Instructions. */
  readonly size: number;
  #program: Program | undefined;

  constructor(source: string) {
    this.#pattern = RE2JS.compile(source);
    this.size = this.#pattern.programSize();
  }

  /** Whether it may take long to look through the text: then it is better done in turns. */
  isLong(text: string): boolean {
    return text.length * this.size > LONG;
  }

  test(text: string): boolean {
    return this.isLong(text) ? finish(this.testInTurns(text)) : this.#pattern.test(text);
  }

  testInTurns(text: string): Generator<undefined, boolean> {
    return test(this.#parts, text);
  }

  /** The parts of the text that match, at most `limit` of them (Go's FindAllString). */
  findAll(text: string, limit: number): string[] {
    const units = text.length * (limit === 1 ? 1 : text.length) * this.size;
    return units > (limit === 1 ? LONG : LONG_SEARCH)
      ? finish(this.findAllInTurns(text, limit))
      : this.#findAllAtOnce(text, limit);
  }

  findAllInTurns(text: string, limit: number): Generator<undefined, string[]> {
    return findAll(this.#parts, text, limit);
  }

  #findAllAtOnce(text: string, limit: number): string[] {
    const matcher = this.#pattern.matcher(text);
    const found: string[] = [];
    for (let end = -1; found.length < limit && matcher.find(); end = matcher.end()) {
      // RE2JS finds empty matches also where the one before ended.
      if (matcher.end() > matcher.start() || matcher.start() !== end) found.push(matcher.group() ?? "");
    }
    return found;
  }

  get #parts(): Program {
    return (this.#program ??= new Program(this.#pattern));
  }
}

/** Throws a CelError for what is no regular expression. */
export function compileRegex(source: string): Regex {
  let regex = cache.get(source);
  if (regex === undefined) {
    if (isTooLarge(source)) throw new CelError("error parsing regexp: expression too large");
    try {
      regex = new Regex(source);
    } catch (error) {
      throw new CelError(error instanceof Error ? error.message : String(error));
    }
    if (cache.size >= CACHE_SIZE || instructions + regex.size > CACHE_INSTRUCTIONS) {
      cache.clear();
      instructions = 0;
    }
    cache.set(source, regex);
    instructions += regex.size;
  }
  return regex;
}
