import { DYN, ERROR, listOf, mapOf, sameType } from "./types.ts";
import type { CelType } from "./types.ts";

const NULLABLE = new Set(["opaque", "struct", "null", "timestamp", "duration"]);
const isDyn = (type: CelType): boolean => type.kind === "dyn" || type.kind === "error";

/** What type parameters stand for, as far as the checker has found out. */
export class Substitutions {
  readonly #types: Map<string, CelType>;
  /** What to put back when an attempt fails. */
  readonly #trail: [string, CelType | undefined][] = [];

  constructor(types: ReadonlyMap<string, CelType> = new Map()) {
    this.#types = new Map(types);
  }

  /** True when a value of type `b` may stand where `a` is wanted; learns what parameters must be for that. */
  assignable(a: CelType, b: CelType): boolean {
    return this.#attempt(() => this.#fits(a, b));
  }

  allAssignable(a: readonly CelType[], b: readonly CelType[]): boolean {
    return a.length === b.length && this.#attempt(() => a.every((each, i) => this.#fits(each, b[i] ?? ERROR)));
  }

  #attempt(test: () => boolean): boolean {
    this.#trail.length = 0;
    if (test()) return true;
    for (const [name, before] of this.#trail.toReversed()) {
      if (before === undefined) this.#types.delete(name);
      else this.#types.set(name, before);
    }
    return false;
  }

  #learn(name: string, type: CelType): void {
    this.#trail.push([name, this.#types.get(name)]);
    this.#types.set(name, type);
  }

  /** The type with its parameters replaced; `freeToDyn` turns those that nothing is known of into dyn. */
  apply(type: CelType, freeToDyn: boolean): CelType {
    if (type.kind === "param") {
      const known = this.#types.get(type.name);
      if (known !== undefined) return this.apply(known, freeToDyn);
      return freeToDyn ? DYN : type;
    }
    if (type.params.length === 0) return type;
    const params = type.params.map((each) => this.apply(each, freeToDyn));
    if (params.every((each, i) => each === type.params[i])) return type;
    if (type.kind === "list") return listOf(params[0] ?? DYN);
    if (type.kind === "map") return mapOf(params[0] ?? DYN, params[1] ?? DYN);
    return { ...type, params };
  }

  #fits(a: CelType, b: CelType): boolean {
    if (sameType(a, b)) return true;
    if (b.kind === "param") {
      const result = this.#substitutes(a, b);
      if (result.valid) return true;
      if (result.known) return false;
    }
    if (a.kind === "param") return this.#substitutes(b, a).valid;
    if (isDyn(a) || isDyn(b)) return true;
    if (a.kind === "null") return NULLABLE.has(b.kind);
    if (b.kind === "null") return NULLABLE.has(a.kind);
    if (a.kind !== b.kind) return false;
    switch (a.kind) {
      case "type":
        return true;
      case "list":
      case "map":
      case "opaque":
        return (
          a.name === b.name &&
          a.params.length === b.params.length &&
          a.params.every((each, i) => this.#fits(each, b.params[i] ?? ERROR))
        );
      default:
        return a.name === b.name;
    }
  }

  /** Whether `type` can be what the parameter stands for. */
  #substitutes(type: CelType, parameter: CelType): { valid: boolean; known: boolean } {
    const known = this.#types.get(parameter.name);
    if (known === undefined) {
      if (this.#mentions(type, parameter.name)) return { valid: false, known: false };
      this.#learn(parameter.name, type);
      return { valid: true, known: false };
    }
    if (sameType(type, known)) return { valid: true, known: true };
    if (!this.#fits(type, known)) return { valid: false, known: true };
    const general = mostGeneral(type, known);
    if (!this.#mentions(general, parameter.name)) this.#learn(parameter.name, general);
    return { valid: true, known: true };
  }

  #mentions(type: CelType, name: string): boolean {
    if (type.kind === "param") {
      if (type.name === name) return true;
      const known = this.#types.get(type.name);
      return known !== undefined && this.#mentions(known, name);
    }
    return type.params.some((each) => this.#mentions(each, name));
  }
}

function mostGeneral(a: CelType, b: CelType): CelType {
  return lessSpecific(a, b) ? a : b;
}

/** Equal to, or less specific than. */
function lessSpecific(a: CelType, b: CelType): boolean {
  if (isDyn(a)) return true;
  if (isDyn(b)) return false;
  if (a.kind === "param") return true;
  if (b.kind === "param") return false;
  if (a.kind === "null") return false;
  if (b.kind === "null") return true;
  if (a.kind === "list" || a.kind === "map" || a.kind === "opaque")
    return a.kind === b.kind && a.params.every((each, i) => lessSpecific(each, b.params[i] ?? ERROR));
  return sameType(a, b);
}

/** The one type of the elements of a list or map literal; undefined when they do not agree. */
export function joinTypes(known: Substitutions, first: CelType | undefined, second: CelType): CelType | undefined {
  if (first === undefined) return second;
  return known.assignable(first, second) ? mostGeneral(first, second) : undefined;
}
