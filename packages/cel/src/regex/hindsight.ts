import { NodeSets } from "./node-sets.ts";
import type { Program } from "./program.ts";
import { Walk } from "./walk.ts";
import type { Checkpoint } from "./walk.ts";
import type { Work } from "./work.ts";

/** So many bits may be kept of any text. */
const BITS = 1 << 23;

/**
 * Knows from which nodes a match can be completed, at every position of a text. It finds out backwards and is asked
 * forwards. All that there is to know of a long text is too much to keep: it keeps a stretch of it, and what is needed to
 * find out again about the others.
 */
export class Hindsight {
  readonly #walk: Walk;
  readonly #stretch: number;
  readonly #known: NodeSets;
  /** Where the stretches end, the leftmost one last. */
  readonly #ends: Checkpoint[];
  readonly #work: Work;

  constructor(program: Program, text: string, work: Work, bits = BITS) {
    this.#walk = new Walk(program, text, "backward");
    const positions = text.length + 1;
    this.#stretch = Math.min(positions, Math.max(Math.floor(bits / program.size), Math.ceil(Math.sqrt(positions))));
    // One more: a character may be two units wide.
    this.#known = new NodeSets(program.size, this.#stretch + 1);
    this.#ends = [this.#walk.save()];
    this.#work = work;
  }

  /** Where the stretch ends that is known. */
  get #end(): number {
    return (this.#ends.at(-1) as Checkpoint).end;
  }

  knows(position: number): boolean {
    return position < this.#end;
  }

  completes(position: number, node: number): boolean {
    return this.#known.has(this.#end - 1 - position, node);
  }

  /** Finds out about the first stretch. */
  *begin(): Generator<undefined, void> {
    for (;;) {
      if (this.#walk.position > 0 && this.#end - this.#walk.position >= this.#stretch) {
        this.#ends.push(this.#walk.save());
        this.#known.clear();
      }
      if (!this.#walk.next(this.#known, this.#end)) return;
      if (this.#work.add(this.#walk.steps)) yield;
    }
  }

  /** Finds out about the next stretch. */
  *goOn(): Generator<undefined, void> {
    const { end: begin } = this.#ends.pop() as Checkpoint;
    this.#walk.restore(this.#ends.at(-1) as Checkpoint);
    this.#known.clear();
    do {
      this.#walk.next(this.#known, this.#end);
      if (this.#work.add(this.#walk.steps)) yield;
    } while (this.#walk.position > begin);
  }
}
