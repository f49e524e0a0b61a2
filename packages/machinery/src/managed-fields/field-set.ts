import { comparePathElements, fieldElement } from "./path-element.ts";
import type { Path, PathElement } from "./path-element.ts";

/**
 * A set of fields as a trie: a node says whether it is in the set itself, and holds its children by path element. A parent
 * in the set does not imply its children. Sets are values: operations share what they do not change, and no node is
 * changed once it is part of another. Branches without members never appear in results.
 */
export class FieldSet {
  /** Whether the field that this node stands for is in the set. Without meaning at the root. */
  readonly member: boolean;
  readonly children: ReadonlyMap<PathElement, FieldSet>;

  constructor(member: boolean, children: ReadonlyMap<PathElement, FieldSet> = NONE) {
    this.member = member;
    this.children = children;
  }

  static of(...paths: readonly Path[]): FieldSet {
    const builder = new FieldSetBuilder();
    for (const path of paths) builder.insert(path);
    return builder.build();
  }

  get isEmpty(): boolean {
    return !this.member && this.children.size === 0;
  }

  has(path: Path): boolean {
    return path.length > 0 && hasBelow(this, path, 0);
  }

  /** The number of fields in the set. */
  get size(): number {
    let count = 0;
    for (const child of this.children.values()) count += (child.member ? 1 : 0) + child.size;
    return count;
  }

  union(other: FieldSet): FieldSet {
    if (this === other || other.isEmpty) return this;
    if (this.isEmpty) return other;
    if (other.children.size === 0 && (this.member || !other.member)) return this;
    const children = new Map(this.children);
    for (const [element, theirs] of other.children) {
      const mine = children.get(element);
      children.set(element, mine === undefined ? theirs : mine.union(theirs));
    }
    return new FieldSet(this.member || other.member, children);
  }

  /** The fields that are in both sets. */
  intersection(other: FieldSet): FieldSet {
    if (this === other) return this;
    let children: Map<PathElement, FieldSet> | undefined;
    for (const [element, mine] of this.children) {
      const theirs = other.children.get(element);
      if (theirs === undefined) continue;
      const both = mine.intersection(theirs);
      if (!both.isEmpty) (children ??= new Map()).set(element, both);
    }
    return node(this.member && other.member, children);
  }

  /** The fields of this set that are not in the other. */
  difference(other: FieldSet): FieldSet {
    return this.#without(other, false);
  }

  /** Like `difference`, and what lies below a field of the other set is gone as well. */
  recursiveDifference(other: FieldSet): FieldSet {
    return this.#without(other, true);
  }

  equals(other: FieldSet): boolean {
    if (this === other) return true;
    if (this.member !== other.member || this.children.size !== other.children.size) return false;
    for (const [element, mine] of this.children) {
      const theirs = other.children.get(element);
      if (theirs === undefined || !mine.equals(theirs)) return false;
    }
    return true;
  }

  /** The fields that have no field of the set below them. */
  leaves(): FieldSet {
    if (this.children.size === 0) return this;
    return new FieldSet(
      false,
      new Map(Array.from(this.children, ([element, child]) => [element, child.leaves()] as const)),
    );
  }

  /** Every path of the set, in canonical order: the fields of a level before those below them. */
  *paths(prefix: Path = []): Generator<Path> {
    const sorted = sortedChildren(this);
    for (const [element, child] of sorted) if (child.member) yield [...prefix, element];
    for (const [element, child] of sorted) if (child.children.size > 0) yield* child.paths([...prefix, element]);
  }

  /** The same node, in the set or not. */
  as(member: boolean): FieldSet {
    return this.member === member ? this : new FieldSet(member, this.children);
  }

  #without(other: FieldSet, recursive: boolean): FieldSet {
    if (other.isEmpty) return this;
    if (recursive && other.member) return EMPTY_SET;
    let children: Map<PathElement, FieldSet> | undefined;
    for (const [element, theirs] of other.children) {
      const mine = (children ?? this.children).get(element);
      if (mine === undefined) continue;
      const rest = mine.#without(theirs, recursive);
      if (rest === mine) continue;
      children ??= new Map(this.children);
      if (rest.isEmpty) children.delete(element);
      else children.set(element, rest);
    }
    const member = this.member && !other.member;
    if (children === undefined && member === this.member) return this;
    return node(member, children ?? this.children);
  }
}

const NONE: ReadonlyMap<PathElement, FieldSet> = new Map();

export const EMPTY_SET: FieldSet = new FieldSet(false);
/** A field alone, with nothing below it. */
export const LEAF: FieldSet = new FieldSet(true);

function node(member: boolean, children: ReadonlyMap<PathElement, FieldSet> | undefined): FieldSet {
  if (children === undefined || children.size === 0) return member ? LEAF : EMPTY_SET;
  return new FieldSet(member, children);
}

/** Children in canonical order. */
export function sortedChildren({ children }: FieldSet): (readonly [PathElement, FieldSet])[] {
  return Array.from(children).sort(([a], [b]) => comparePathElements(a, b));
}

function hasBelow(set: FieldSet, path: Path, depth: number): boolean {
  const element = path[depth];
  if (element === undefined) return set.member;
  const child = set.children.get(element);
  return child !== undefined && hasBelow(child, path, depth + 1);
}

/** Makes a set from paths. */
export class FieldSetBuilder {
  #member = false;
  readonly #children = new Map<PathElement, FieldSetBuilder>();

  insert(path: Path): void {
    if (path.length > 0) this.#insertBelow(path, 0);
  }

  #insertBelow(path: Path, depth: number): void {
    const element = path[depth];
    if (element === undefined) {
      this.#member = true;
      return;
    }
    let next = this.#children.get(element);
    if (next === undefined) this.#children.set(element, (next = new FieldSetBuilder()));
    next.#insertBelow(path, depth + 1);
  }

  build(): FieldSet {
    return node(
      this.#member,
      new Map(Array.from(this.#children, ([element, child]) => [element, child.build()] as const)),
    );
  }
}

/** The path through fields alone. */
export function fieldPath(...names: readonly string[]): Path {
  return names.map(fieldElement);
}
