import { compileRegex } from "@knots/cel/regex";

/** Whether a text has what matches a pattern. */
export type Matches = (pattern: string, text: string) => boolean;

export const matchesAtOnce: Matches = (pattern, text) => compileRegex(pattern).test(text);

/**
 * Answers for a validation that cannot be left, about texts that take long: what it asks for the first time is noted, and
 * answered with yes for the time being. When there is something `open`, `answer` finds out, and the validation is to be
 * done anew.
 */
export class LongPatterns {
  readonly #known = new Map<string, Map<string, boolean>>();
  #open: (readonly [pattern: string, text: string])[] = [];

  get open(): boolean {
    return this.#open.length > 0;
  }

  readonly matches: Matches = (pattern, text) => {
    const regex = compileRegex(pattern);
    if (!regex.isLong(text)) return regex.test(text);
    const known = this.#known.get(pattern)?.get(text);
    if (known === undefined) this.#open.push([pattern, text]);
    return known ?? true;
  };

  /** Yields where others may have their turn. */
  *answer(): Generator<undefined, void> {
    const open = this.#open;
    this.#open = [];
    for (const [pattern, text] of open) {
      const known = this.#known.get(pattern) ?? new Map<string, boolean>();
      this.#known.set(pattern, known);
      if (!known.has(text)) known.set(text, yield* compileRegex(pattern).testInTurns(text));
    }
  }
}
