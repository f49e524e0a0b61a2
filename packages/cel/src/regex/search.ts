import { Hindsight } from "./hindsight.ts";
import { READS } from "./program.ts";
import type { Program } from "./program.ts";
import { Walk } from "./walk.ts";
import { Work } from "./work.ts";

/** Whether there is a match; yields where others may have their turn. */
export function* test(program: Program, text: string, work = new Work()): Generator<undefined, boolean> {
  const walk = new Walk(program, text, "forward");
  while (walk.next()) {
    if (walk.reached) return true;
    if (walk.isLost) return false;
    if (work.add(walk.steps)) yield;
  }
  return false;
}

/**
 * The parts of the text that match, at most `limit` of them: leftmost, and of those the one that a backtracking search
 * would find first; an empty one not where the last one ended (Go's FindAllString).
 *
 * A search from left to right looks beyond a match for as long as a better one may come, and does so again for the next
 * match. So the text is walked through backwards first: then it is known where a match begins, and at every turning which
 * ways can be completed. The preferred one of these is gone forwards, and what was left behind need not be looked at again.
 */
export function* findAll(
  program: Program,
  text: string,
  limit: number,
  work = new Work(),
  bits?: number,
): Generator<undefined, string[]> {
  const found: string[] = [];
  if (limit <= 0) return found;
  const hindsight = new Hindsight(program, text, work, bits);
  yield* hindsight.begin();
  const fork = new Fork(program, hindsight);
  let lastEnd = -1;
  for (let begin = 0; begin <= text.length && found.length < limit;) {
    if (!hindsight.knows(begin)) yield* hindsight.goOn();
    if (!hindsight.completes(begin, program.start)) {
      begin++;
      if (work.add(1)) yield;
      continue;
    }
    let end = begin;
    for (let node = program.start; ; node = program.after(node)) {
      if (!hindsight.knows(end)) yield* hindsight.goOn();
      node = fork.preferred(node, end);
      if (work.add(fork.steps)) yield;
      if (node === program.match) break;
      end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1;
    }
    if (end > begin || end !== lastEnd) found.push(text.slice(begin, end));
    lastEnd = end;
    begin = Math.max(end, begin + 1);
  }
  return found;
}

/** Finds which way to go where there are several. */
class Fork {
  /** What the last answer took. */
  steps = 0;
  readonly #program: Program;
  readonly #hindsight: Hindsight;
  readonly #open: Int32Array;
  readonly #seen: Uint32Array;
  #mark = 0;

  constructor(program: Program, hindsight: Hindsight) {
    this.#program = program;
    this.#hindsight = hindsight;
    this.#open = new Int32Array(program.size + 1);
    this.#seen = new Uint32Array(program.size);
  }

  /** The node that reads the next character, or the end of the match, on the first way from `node` that can be completed. */
  preferred(node: number, position: number): number {
    const { kinds, match, successors } = this.#program;
    const { head, to } = successors;
    const mark = ++this.#mark;
    this.steps = 0;
    let depth = 0;
    this.#open[depth++] = node;
    while (depth > 0) {
      const next = this.#open[--depth] as number;
      this.steps++;
      // A way that comes back to where it was is none: what it leads to is tried in its own order.
      if (this.#seen[next] === mark) continue;
      this.#seen[next] = mark;
      if (!this.#hindsight.completes(position, next)) continue;
      if (kinds[next] === READS || next === match) return next;
      for (let edge = (head[next + 1] as number) - 1; edge >= (head[next] as number); edge--) {
        this.#open[depth++] = to[edge] as number;
      }
    }
    throw new Error("a regular expression leads nowhere");
  }
}
