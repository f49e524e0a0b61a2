// What a regular expression is made of: the instructions that RE2JS compiles it to, as a graph that can be walked either way.
import type { RE2JS } from "re2js";

/** RE2JS's operations (Go's `syntax.InstOp`). */
const OP = {
  alt: 1,
  altMatch: 2,
  capture: 3,
  emptyWidth: 4,
  fail: 5,
  match: 6,
  nop: 7,
  rune: 8,
  rune1: 9,
  any: 10,
  anyButNewline: 11,
} as const;

/** The conditions of an instruction that reads nothing (Go's `syntax.EmptyOp`). */
export const EMPTY = {
  beginLine: 1,
  endLine: 2,
  beginText: 4,
  endText: 8,
  wordBoundary: 16,
  noWordBoundary: 32,
} as const;

/** RE2JS declares it as `any`; it knows character classes and which letters are the same in another case. */
interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: ArrayLike<number>;
  matchRune(rune: number): boolean;
}

/** Edges of a graph: those of node n are to[head[n]] … to[head[n + 1] - 1]. */
export interface Edges {
  readonly head: Int32Array;
  readonly to: Int32Array;
}

/** Reads a character. */
export const READS = 1;
/** Reads none, and lets pass where its conditions hold. */
export const PASSES = 2;
/** No way leads here or on. */
const FAILS = 3;

export class Program {
  readonly size: number;
  readonly start: number;
  readonly match: number;
  /** READS, PASSES or FAILS. */
  readonly kinds: Uint8Array;
  /** Of nodes that read nothing: what must hold. */
  readonly conditions: Uint8Array;
  /** In order of preference. */
  readonly successors: Edges;
  readonly predecessors: Edges;
  /** Whether there are conditions at all. */
  readonly conditional: boolean;
  /** Whether a match begins where the text begins, or nowhere. */
  readonly anchored: boolean;
  /** What a node reads: one character (0 or more), ANY, ANY_BUT_NEWLINE, or a class (CLASS and below). */
  readonly #reads: Int32Array;
  readonly #classes: readonly Instruction[];
  /** The character that each class was last asked about, and the answer: many nodes read the same class. */
  readonly #asked: Int32Array;
  readonly #answers: Uint8Array;

  constructor(pattern: RE2JS) {
    const { inst, start } = pattern.re2Input.prog as { inst: readonly Instruction[]; start: number };
    const size = inst.length;
    this.size = size;
    this.start = skipped(inst, start);
    this.match = inst.findIndex(({ op }) => op === OP.match);
    this.kinds = new Uint8Array(size);
    this.conditions = new Uint8Array(size);
    this.#reads = new Int32Array(size);
    const classes = new Map<unknown, number>();
    const classInstructions: Instruction[] = [];
    const head = new Int32Array(size + 1);
    const to = new Int32Array(2 * size);
    let edges = 0;
    for (const [pc, instruction] of inst.entries()) {
      const { op, out, arg, runes } = instruction;
      const kind = kindOf(op);
      this.kinds[pc] = kind;
      if (op === OP.emptyWidth) this.conditions[pc] = arg;
      else if (op === OP.rune1) this.#reads[pc] = runes[0] as number;
      else if (op === OP.any) this.#reads[pc] = ANY;
      else if (op === OP.anyButNewline) this.#reads[pc] = ANY_BUT_NEWLINE;
      else if (op === OP.rune) {
        let known = classes.get(runes);
        if (known === undefined) classes.set(runes, (known = classInstructions.push(instruction) - 1));
        this.#reads[pc] = CLASS - known;
      }
      if (kind !== FAILS && op !== OP.match) to[edges++] = skipped(inst, out);
      if (op === OP.alt || op === OP.altMatch) to[edges++] = skipped(inst, arg);
      head[pc + 1] = edges;
    }
    this.successors = { head, to: to.subarray(0, edges) };
    this.predecessors = reversed(this.successors);
    this.conditional = this.conditions.some((condition) => condition !== 0);
    this.anchored = isAnchored(inst, start);
    this.#classes = classInstructions;
    this.#asked = new Int32Array(classInstructions.length).fill(-1);
    this.#answers = new Uint8Array(classInstructions.length);
  }

  /** The node behind one that reads. */
  after(node: number): number {
    return this.successors.to[this.successors.head[node] as number] as number;
  }

  reads(node: number, rune: number): boolean {
    const what = this.#reads[node] as number;
    if (what >= 0) return what === rune;
    if (what === ANY) return true;
    if (what === ANY_BUT_NEWLINE) return rune !== 10;
    const known = CLASS - what;
    if (this.#asked[known] !== rune) {
      this.#asked[known] = rune;
      this.#answers[known] = (this.#classes[known] as Instruction).matchRune(rune) ? 1 : 0;
    }
    return this.#answers[known] === 1;
  }
}

const ANY = -1;
const ANY_BUT_NEWLINE = -2;
const CLASS = -3;

/** Groups do not matter for where a match is: what marks them is passed over. */
function skipped(inst: readonly Instruction[], pc: number): number {
  for (;;) {
    const { op, out } = inst[pc] as Instruction;
    if (op !== OP.capture && op !== OP.nop) return pc;
    pc = out;
  }
}

function kindOf(op: number): number {
  switch (op) {
    case OP.rune:
    case OP.rune1:
    case OP.any:
    case OP.anyButNewline:
      return READS;
    case OP.alt:
    case OP.altMatch:
    case OP.emptyWidth:
    case OP.match:
      return PASSES;
    case OP.fail:
    case OP.capture:
    case OP.nop:
      return FAILS;
    default:
      // Lookbehinds, which only a flag allows.
      throw new Error(`unknown instruction ${op} of a regular expression`);
  }
}

function isAnchored(inst: readonly Instruction[], start: number): boolean {
  for (let pc = start; ;) {
    const { op, out, arg } = inst[skipped(inst, pc)] as Instruction;
    if (op !== OP.emptyWidth) return false;
    if ((arg & EMPTY.beginText) !== 0) return true;
    pc = out;
  }
}

function reversed({ head, to }: Edges): Edges {
  const size = head.length - 1;
  const back = new Int32Array(size + 1);
  for (const node of to) back[node + 1] = (back[node + 1] as number) + 1;
  for (let node = 0; node < size; node++) back[node + 1] = (back[node + 1] as number) + (back[node] as number);
  const from = new Int32Array(to.length);
  const free = back.slice();
  for (let node = 0; node < size; node++) {
    for (let edge = head[node] as number; edge < (head[node + 1] as number); edge++) {
      const target = to[edge] as number;
      const place = free[target] as number;
      from[place] = node;
      free[target] = place + 1;
    }
  }
  return { head: back, to: from };
}
