import { NodeSets } from "./node-sets.ts";
import { EMPTY, PASSES, READS } from "./program.ts";
import type { Edges, Program } from "./program.ts";

/** Where a walk backwards can be taken up again. */
export interface Checkpoint {
  /** The walk goes on with the position before. */
  readonly end: number;
  /** The nodes that wait for the character before; none where the text ends. */
  readonly waiting: NodeSets | undefined;
}

/**
 * Goes through a text character by character, and through the program on all ways at once: in linear time, whatever the
 * pattern. A node is *passed* at a position when a way leads to it and what it reads, or asks for, is there.
 *
 * Forwards a match may begin everywhere, and `reached` says that one ends here. Backwards one may end everywhere, `reached`
 * says that one begins here, and what is passed are the nodes from which a match can be completed.
 */
export class Walk {
  position: number;
  reached = false;
  /** What the last step took. */
  steps = 0;
  readonly #program: Program;
  readonly #text: string;
  readonly #forward: boolean;
  readonly #edges: Edges;
  readonly #seed: number;
  readonly #goal: number;
  /** Nodes that wait for the next character. */
  #waiting: Int32Array;
  #count = 0;
  #before: Int32Array;
  /** Nodes that are passed here and whose ways on have not been looked at. */
  readonly #open: Int32Array;
  /** The mark of the position at which a node was last looked at. */
  readonly #seen: Uint32Array;
  #mark = 0;
  #begun = false;

  constructor(program: Program, text: string, direction: "forward" | "backward") {
    const { size, start, match, successors, predecessors } = program;
    this.#program = program;
    this.#text = text;
    this.#forward = direction === "forward";
    this.#edges = this.#forward ? successors : predecessors;
    this.#seed = this.#forward ? start : match;
    this.#goal = this.#forward ? match : start;
    this.position = this.#forward ? 0 : text.length;
    this.#waiting = new Int32Array(size);
    this.#before = new Int32Array(size);
    this.#open = new Int32Array(size);
    this.#seen = new Uint32Array(size);
  }

  /** Forwards: no match begins after here, and none that began goes on. */
  get isLost(): boolean {
    return this.#program.anchored && this.#count === 0;
  }

  /**
   * To the next position, with the first call to the first one; false when there is none.
   * The nodes that are passed are added to `passed`, in rows from `end` backwards.
   */
  next(passed?: NodeSets, end = 0): boolean {
    const before = this.#waiting;
    const count = this.#count;
    let rune = 0;
    if (this.#begun) {
      if (this.position === (this.#forward ? this.#text.length : 0)) return false;
      rune = this.#read();
    }
    this.#begun = true;
    this.#waiting = this.#before;
    this.#before = before;
    this.#mark++;
    this.reached = false;
    this.steps = count + 1;
    let depth = 0;
    for (let i = 0; i < count; i++) {
      const node = before[i] as number;
      if (this.#program.reads(node, rune)) this.#open[depth++] = node;
    }
    this.#spread(depth, passed, end - 1 - this.position);
    return true;
  }

  save(): Checkpoint {
    if (!this.#begun) return { end: this.position + 1, waiting: undefined };
    const waiting = new NodeSets(this.#program.size, 1);
    for (let i = 0; i < this.#count; i++) waiting.add(0, this.#waiting[i] as number);
    return { end: this.position, waiting };
  }

  restore({ end, waiting }: Checkpoint): void {
    this.position = waiting === undefined ? end - 1 : end;
    this.#begun = waiting !== undefined;
    this.#count = 0;
    for (const node of waiting?.of(0) ?? []) this.#waiting[this.#count++] = node;
  }

  #read(): number {
    const text = this.#text;
    if (this.#forward) {
      const rune = text.codePointAt(this.position) as number;
      this.position += rune > 0xffff ? 2 : 1;
      return rune;
    }
    this.position--;
    const unit = text.charCodeAt(this.position);
    if (unit < 0xdc00 || unit > 0xdfff || this.position === 0) return unit;
    const rune = text.codePointAt(this.position - 1) as number;
    if (rune <= 0xffff) return unit;
    this.position--;
    return rune;
  }

  /** From the nodes that are passed, and from the seed, to those behind them, as far as nothing has to be read. */
  #spread(depth: number, passed: NodeSets | undefined, row: number): void {
    const { head, to } = this.#edges;
    const { kinds, conditions, conditional } = this.#program;
    const here = conditional ? conditionsAt(this.#text, this.position) : 0;
    const open = this.#open;
    const waiting = this.#waiting;
    const seen = this.#seen;
    const mark = this.#mark;
    const goal = this.#goal;
    let count = 0;
    let steps = 0;
    const visit = (node: number): void => {
      if (seen[node] === mark) return;
      seen[node] = mark;
      const kind = kinds[node];
      if (kind === READS) waiting[count++] = node;
      else if (kind === PASSES && ((conditions[node] as number) & ~here) === 0) open[depth++] = node;
    };
    visit(this.#seed);
    while (depth > 0) {
      const node = open[--depth] as number;
      if (node === goal) this.reached = true;
      if (passed !== undefined) passed.add(row, node);
      const last = head[node + 1] as number;
      for (let edge = head[node] as number; edge < last; edge++) {
        steps++;
        visit(to[edge] as number);
      }
    }
    this.#count = count;
    this.steps += steps;
  }
}

/** What holds between two characters of a text. */
function conditionsAt(text: string, position: number): number {
  const before = position === 0 ? -1 : text.charCodeAt(position - 1);
  const after = position === text.length ? -1 : text.charCodeAt(position);
  return (
    (before === -1 ? EMPTY.beginText | EMPTY.beginLine : before === NEWLINE ? EMPTY.beginLine : 0) |
    (after === -1 ? EMPTY.endText | EMPTY.endLine : after === NEWLINE ? EMPTY.endLine : 0) |
    (isWord(before) === isWord(after) ? EMPTY.noWordBoundary : EMPTY.wordBoundary)
  );
}

const NEWLINE = 10;

function isWord(unit: number): boolean {
  return (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || (unit >= 48 && unit <= 57) || unit === 95;
}
