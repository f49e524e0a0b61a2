import { RE2JS } from "re2js";
import { CelError } from "./errors.ts";

/** Expressions in use are few; the bound keeps patterns made at run time from piling up. */
const CACHE_SIZE = 1000;
const cache = new Map<string, Regex>();

const LONG = 4096;

/** A regular expression that takes linear time, whatever the text. */
export class Regex {
  readonly #pattern: RE2JS;

  constructor(source: string) {
    this.#pattern = RE2JS.compile(source);
  }

  test(text: string): boolean {
    return this.#pattern.test(text);
  }

  /** The parts of the text that match, at most `limit` of them. */
  findAll(text: string, limit: number): string[] {
    // Whether there is anything to find takes a small part of the time of finding it.
    if (text.length > LONG && !this.#pattern.test(text)) return [];
    const matcher = this.#pattern.matcher(text);
    const found: string[] = [];
    while (found.length < limit && matcher.find()) found.push(matcher.group() ?? "");
    return found;
  }
}

/** Throws a CelError for what is no regular expression. */
export function compileRegex(source: string): Regex {
  let regex = cache.get(source);
  if (regex === undefined) {
    try {
      regex = new Regex(source);
    } catch (error) {
      throw new CelError(error instanceof Error ? error.message : String(error));
    }
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(source, regex);
  }
  return regex;
}
