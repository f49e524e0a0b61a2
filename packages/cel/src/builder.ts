import type { CallExpr, Expr, IdentExpr, ListExpr, LiteralExpr, MapEntry, MapExpr, SelectExpr } from "./ast.ts";
import type { Value } from "./values.ts";

/** Makes the nodes of one expression, each with an id of its own. */
export class Builder {
  #id = 0;

  nextId(): number {
    return ++this.#id;
  }

  literal(pos: number, value: Value): LiteralExpr {
    return { kind: "literal", id: this.nextId(), pos, value };
  }

  ident(pos: number, name: string): IdentExpr {
    return { kind: "ident", id: this.nextId(), pos, name };
  }

  select(pos: number, operand: Expr, field: string, testOnly = false): SelectExpr {
    return { kind: "select", id: this.nextId(), pos, operand, field, testOnly };
  }

  call(pos: number, name: string, ...args: Expr[]): CallExpr {
    return { kind: "call", id: this.nextId(), pos, function: name, target: undefined, args };
  }

  member(pos: number, target: Expr, name: string, args: readonly Expr[]): CallExpr {
    return { kind: "call", id: this.nextId(), pos, function: name, target, args };
  }

  list(pos: number, elements: readonly Expr[], optional: ReadonlySet<number> = new Set()): ListExpr {
    return { kind: "list", id: this.nextId(), pos, elements, optional };
  }

  map(pos: number, entries: readonly MapEntry[]): MapExpr {
    return { kind: "map", id: this.nextId(), pos, entries };
  }

  fold(
    pos: number,
    range: Expr,
    vars: readonly [string, string?],
    accu: { name: string; init: Expr },
    loop: { condition: Expr; step: Expr },
    result: Expr,
  ): Expr {
    return {
      kind: "comprehension",
      id: this.nextId(),
      pos,
      range,
      iterVar: vars[0],
      iterVar2: vars[1],
      accuVar: accu.name,
      accuInit: accu.init,
      condition: loop.condition,
      step: loop.step,
      result,
    };
  }
}
