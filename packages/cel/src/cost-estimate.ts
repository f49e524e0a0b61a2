// What an expression may cost at most, from the bounds of what it reads: upstream's rules (cel-go's cost checker).
import { ACCUMULATOR } from "./ast.ts";
import type { CallExpr, ComprehensionExpr, Expr, SelectExpr } from "./ast.ts";
import type { CheckedExpr } from "./checker.ts";
import { UNKNOWN, ZERO, MAX, addRanges, fixed, multiplyRanges, unionRanges } from "./estimates.ts";
import type { Range } from "./estimates.ts";
import { estimateCall } from "./function-estimates.ts";
import { DYN, isOptional } from "./types.ts";
import type { CelType } from "./types.ts";
import { stringSize } from "./values.ts";

/** Size of what a path of fields leads to; undefined when nothing is known. The first element is a variable. */
export type SizeOfPath = (path: readonly string[]) => Range | undefined;

/** Sizes of the keys and values that a list or map literal holds. */
interface EntrySize {
  readonly kind: "list" | "map";
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly path: readonly string[] | undefined;
  readonly size: Range | undefined;
  readonly entries: EntrySize | undefined;
}

const SCALARS = new Set(["bool", "int", "uint", "double", "timestamp", "duration"]);
const ONE = fixed(1);

export function estimateCost(checked: CheckedExpr, sizeOfPath: SizeOfPath): Range {
  return new Estimator(checked, sizeOfPath).cost(checked.expr);
}

/** What a function's own estimate is made from. */
export interface Operand {
  readonly expr: Expr;
  readonly type: CelType;
  readonly size: Range;
  readonly cost: Range;
  /** Size of an element of a list. */
  elementSize(): Range;
}

class Estimator {
  readonly #checked: CheckedExpr;
  readonly #sizeOfPath: SizeOfPath;
  readonly #paths = new Map<number, readonly string[]>();
  readonly #sizes = new Map<number, Range>();
  readonly #entries = new Map<number, EntrySize>();
  readonly #locals: [string, Local][] = [];

  constructor(checked: CheckedExpr, sizeOfPath: SizeOfPath) {
    this.#checked = checked;
    this.#sizeOfPath = sizeOfPath;
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case "literal":
        return ZERO;
      case "ident": {
        const local = this.#local(expr.name);
        const path = local === undefined ? [expr.name] : local.path;
        if (path !== undefined) this.#paths.set(expr.id, path);
        return ONE;
      }
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list": {
        let value: Range = expr.elements.length === 0 ? ZERO : { min: MAX, max: 0 };
        let sum = fixed(10);
        for (const each of expr.elements) {
          sum = addRanges(sum, this.cost(each));
          value = unionRanges(value, this.#sizeOrUnknown(each));
        }
        this.#entries.set(expr.id, { kind: "list", key: ONE, value });
        return sum;
      }
      case "map": {
        let key: Range = expr.entries.length === 0 ? ZERO : { min: MAX, max: 0 };
        let value = key;
        let sum = fixed(30);
        for (const entry of expr.entries) {
          sum = addRanges(sum, addRanges(this.cost(entry.key), this.cost(entry.value)));
          key = unionRanges(key, this.#sizeOrUnknown(entry.key));
          value = unionRanges(value, this.#sizeOrUnknown(entry.value));
        }
        this.#entries.set(expr.id, { kind: "map", key, value });
        return sum;
      }
      case "struct":
        return expr.entries.reduce((sum, entry) => addRanges(sum, this.cost(entry.value)), fixed(40));
      case "comprehension":
        return isBinding(expr) ? this.#binding(expr) : this.#fold(expr);
    }
  }

  #local(name: string): Local | undefined {
    return this.#locals.findLast(([each]) => each === name)?.[1];
  }

  #type(expr: Expr): CelType {
    return this.#checked.types.get(expr.id) ?? DYN;
  }

  #path(expr: Expr): readonly string[] | undefined {
    if (expr.kind === "ident") {
      const local = this.#local(expr.name);
      if (local !== undefined) return local.path;
    }
    return this.#paths.get(expr.id);
  }

  #select(expr: SelectExpr): Range {
    // has() costs nothing but its operand.
    const operand = this.cost(expr.operand);
    if (expr.testOnly) return operand;
    if (this.#checked.references.has(expr.id)) return ONE;
    const path = this.#path(expr.operand);
    if (path !== undefined) this.#paths.set(expr.id, [...path, expr.field]);
    const { kind } = this.#type(expr.operand);
    return kind === "map" || kind === "struct" || kind === "param" ? addRanges(operand, ONE) : operand;
  }

  #operand(expr: Expr, cost: Range): Operand {
    const type = this.#type(expr);
    const path = this.#path(expr);
    return {
      expr,
      type,
      cost,
      size: this.#sizeOrUnknown(expr),
      elementSize: () => (path === undefined ? undefined : this.#sizeOfPath([...path, "@items"])) ?? UNKNOWN,
    };
  }

  #call(expr: CallExpr): Range {
    if (expr.function === "_?._") return addRanges(ONE, this.cost(expr.args[0] as Expr));
    if (expr.function === "dyn") {
      const [arg] = expr.args as readonly [Expr];
      const cost = addRanges(ONE, this.cost(arg));
      this.#copySizes(expr, arg);
      return cost;
    }
    const global = this.#checked.globalCalls.has(expr.id);
    const args = expr.args.map((arg) => this.#operand(arg, this.cost(arg)));
    const target = expr.target === undefined || global ? undefined : this.#operand(expr.target, this.cost(expr.target));
    const overloads = this.#checked.overloads.get(expr.id) ?? [];
    if (overloads.length === 0) return ZERO;
    let cost: Range = { min: MAX, max: 0 };
    let size: Range | undefined;
    for (const { id } of overloads) {
      const estimate = estimateCall(expr.function, id, target, args);
      cost = unionRanges(cost, estimate.cost);
      if (estimate.size !== undefined) size = size === undefined ? estimate.size : unionRanges(size, estimate.size);
      size = this.#indexSize(expr, id) ?? size;
      this.#joinEntries(expr, id);
    }
    size ??= this.#sizeOf(expr);
    if (size !== undefined) this.#sizes.set(expr.id, size);
    return addRanges(target?.cost ?? ZERO, cost);
  }

  /** An indexed value is an element of what its container says. */
  #indexSize(expr: CallExpr, overload: string): Range | undefined {
    const [container] = expr.args;
    if (container === undefined || (overload !== "index_list" && overload !== "index_map")) return undefined;
    const path = this.#path(container);
    if (path !== undefined) this.#paths.set(expr.id, [...path, overload === "index_list" ? "@items" : "@values"]);
    return this.#entrySize(container)?.value;
  }

  #joinEntries(expr: CallExpr, overload: string): void {
    const from = overload === "conditional" ? 1 : overload === "add_list" ? 0 : undefined;
    if (from === undefined) return;
    const [a, b] = [expr.args[from], expr.args[from + 1]].map((each) =>
      each === undefined ? undefined : this.#entrySize(each),
    );
    if (a === undefined || b === undefined) return;
    this.#entries.set(expr.id, {
      kind: a.kind,
      key: unionRanges(a.key, b.key),
      value: unionRanges(a.value, b.value),
    });
  }

  #fold(expr: ComprehensionExpr): Range {
    let sum = addRanges(this.cost(expr.range), this.cost(expr.accuInit));
    this.#locals.push([expr.accuVar, this.#bound(expr.accuInit)]);
    if (expr.iterVar2 === undefined) this.#locals.push([expr.iterVar, this.#item(expr.range, "item")]);
    else {
      this.#locals.push([expr.iterVar, this.#item(expr.range, "key")]);
      this.#locals.push([expr.iterVar2, this.#item(expr.range, "value")]);
    }
    const turn = addRanges(this.cost(expr.condition), this.cost(expr.step));
    this.#locals.length -= expr.iterVar2 === undefined ? 1 : 2;
    sum = addRanges(sum, this.cost(expr.result));
    this.#locals.pop();
    const count = this.#sizeOrUnknown(expr.range);
    const init = expr.accuInit.kind;
    if (init === "literal") this.#copySizes(expr, expr.accuInit);
    else if (init === "list" || init === "map") {
      this.#sizes.set(expr.id, count);
      const entries = this.#entrySize(expr.step);
      if (entries !== undefined) this.#entries.set(expr.id, entries);
    }
    return addRanges(sum, multiplyRanges(count, turn));
  }

  #binding(expr: ComprehensionExpr): Range {
    const sum = addRanges(this.cost(expr.range), this.cost(expr.accuInit));
    this.#locals.push([expr.accuVar, this.#bound(expr.accuInit)]);
    const cost = addRanges(sum, this.cost(expr.result));
    this.#locals.pop();
    this.#copySizes(expr, expr.result);
    return cost;
  }

  /** A variable that stands for an expression. Accumulators have no path: they are not what they began as. */
  #bound(expr: Expr): Local {
    return { path: this.#path(expr), size: this.#sizeOf(expr), entries: this.#entrySize(expr) };
  }

  #item(range: Expr, what: "item" | "key" | "value"): Local {
    const entries = this.#entrySize(range);
    const list = (entries?.kind ?? this.#type(range).kind) === "list";
    const isKey = what === "key" || (what === "item" && !list);
    const path = this.#path(range);
    const step = isKey ? (list ? "@indices" : "@keys") : list ? "@items" : "@values";
    return {
      path: path === undefined ? undefined : [...path, step],
      size: isKey ? entries?.key : entries?.value,
      entries: undefined,
    };
  }

  #copySizes(to: Expr, from: Expr): void {
    const size = this.#sizeOf(from);
    if (size !== undefined) this.#sizes.set(to.id, size);
    const entries = this.#entrySize(from);
    if (entries !== undefined) this.#entries.set(to.id, entries);
  }

  #sizeOrUnknown(expr: Expr): Range {
    return this.#sizeOf(expr) ?? UNKNOWN;
  }

  #sizeOf(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr.id) ?? literalSize(expr);
    if (known !== undefined) return known;
    const path = this.#path(expr);
    const found = path === undefined || path[0] === ACCUMULATOR ? undefined : this.#sizeOfPath(path);
    if (found !== undefined) return found;
    if (isScalar(this.#type(expr))) return ONE;
    return expr.kind === "ident" ? this.#local(expr.name)?.size : undefined;
  }

  #entrySize(expr: Expr): EntrySize | undefined {
    const known = this.#entries.get(expr.id);
    if (known !== undefined) return known;
    return expr.kind === "ident" ? this.#local(expr.name)?.entries : undefined;
  }
}

function isScalar(type: CelType): boolean {
  return SCALARS.has(type.kind) || (isOptional(type) && isScalar(type.params[0] ?? DYN));
}

function isBinding(expr: ComprehensionExpr): boolean {
  return (
    expr.range.kind === "list" &&
    expr.range.elements.length === 0 &&
    expr.condition.kind === "literal" &&
    expr.condition.value === false &&
    expr.accuVar !== ACCUMULATOR
  );
}

function literalSize(expr: Expr): Range | undefined {
  if (expr.kind === "list") return fixed(expr.elements.length);
  if (expr.kind === "map") return fixed(expr.entries.length);
  if (expr.kind !== "literal") return undefined;
  if (typeof expr.value === "string") return fixed(stringSize(expr.value));
  return fixed(expr.value instanceof Uint8Array ? expr.value.length : 1);
}
