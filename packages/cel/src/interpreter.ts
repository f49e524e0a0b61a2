import type { CallExpr, Expr, ListExpr, MapExpr, SelectExpr, StructExpr } from "./ast.ts";
import { compileCall } from "./calls.ts";
import type { CheckedExpr } from "./checker.ts";
import { ArrayList, CelMap, ValueMap } from "./collections.ts";
import { compileComprehension, growingStep } from "./comprehensions.ts";
import { CelError } from "./errors.ts";
import type { Step } from "./frame.ts";
import { optionalIndex } from "./library/operators.ts";
import { StructValue } from "./struct-value.ts";
import { nary, unary } from "./turns.ts";
import { DYN } from "./types.ts";
import type { CelType } from "./types.ts";
import { Optional, TypeValue } from "./values.ts";
import type { Value } from "./values.ts";

// Cost units of upstream's tracker.
const SELECT_COST = 1;
const LIST_COST = 10;
const MAP_COST = 30;
const STRUCT_COST = 40;

/** Turns a checked expression into closures. */
export class Compiler {
  readonly checked: CheckedExpr;
  /** Variables of the comprehensions around, innermost last. */
  readonly scope: { name: string; slot: number; accumulator: boolean }[] = [];

  constructor(checked: CheckedExpr) {
    this.checked = checked;
  }

  typeOf(expr: Expr): CelType {
    return this.checked.types.get(expr.id) ?? DYN;
  }

  compile(expr: Expr): Step {
    switch (expr.kind) {
      case "literal": {
        const { value } = expr;
        return () => value;
      }
      case "ident":
        return this.#reference(expr.id, expr.name);
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr);
      case "map":
        return this.#map(expr);
      case "struct":
        return this.#struct(expr);
      case "comprehension":
        return compileComprehension(this, expr);
    }
  }

  #reference(id: number, name: string): Step {
    const reference = this.checked.references.get(id);
    switch (reference?.kind) {
      case "local":
        return this.#local(name);
      case "type": {
        const value = new TypeValue(reference.type);
        return (frame) => {
          frame.charge(SELECT_COST);
          return value;
        };
      }
      default: {
        const variable = reference?.name ?? name;
        return (frame) => {
          frame.charge(SELECT_COST);
          const value = frame.activation.get(variable);
          if (value === undefined) throw new CelError(`no such attribute(s): ${variable}`);
          return value;
        };
      }
    }
  }

  #local(name: string): Step {
    const found = this.scope.findLast((each) => each.name === name);
    if (found === undefined) throw new Error(`the checker resolved ${name} to a scope that is not there`);
    const { slot } = found;
    return (frame) => {
      frame.charge(SELECT_COST);
      const value = frame.locals[slot] ?? null;
      if (value instanceof CelError) throw value;
      return value;
    };
  }

  #select(expr: SelectExpr): Step {
    if (this.checked.references.has(expr.id)) return this.#reference(expr.id, expr.field);
    const operand = this.compile(expr.operand);
    const { field } = expr;
    if (expr.testOnly) return unary(operand, (_frame, target) => isPresent(target, field));
    return unary(operand, (frame, target) => {
      frame.charge(SELECT_COST);
      return selectField(target, field);
    });
  }

  #call(expr: CallExpr): Step {
    if (expr.function === "_?._") {
      const [operand, field] = expr.args;
      if (operand === undefined || field?.kind !== "literal" || typeof field.value !== "string")
        throw new Error("an optional selection has an operand and a name");
      const target = this.compile(operand);
      const name = field.value;
      return unary(target, (frame, value) => {
        frame.charge(SELECT_COST);
        return optionalField(value, name);
      });
    }
    return growingStep(this, expr) ?? compileCall(this, expr);
  }

  #list(expr: ListExpr): Step {
    if (
      expr.optional.size === 0 &&
      expr.elements.every((each) => each.kind === "literal") &&
      expr.elements.length > 0
    ) {
      const constant = new ArrayList(expr.elements.map((each) => (each.kind === "literal" ? each.value : null)));
      return () => constant;
    }
    const elements = expr.elements.map((each) => this.compile(each));
    return nary(elements, (frame, found) => {
      const values: Value[] = [];
      for (const [i, value] of found.entries()) {
        if (!expr.optional.has(i)) values.push(value);
        else if (value instanceof Optional && value.value !== undefined) values.push(value.value);
      }
      frame.charge(LIST_COST);
      return new ArrayList(values);
    });
  }

  #map(expr: MapExpr): Step {
    const steps = expr.entries.flatMap(({ key, value }) => [this.compile(key), this.compile(value)]);
    return nary(steps, (frame, values) => {
      const made: [Value, Value][] = [];
      for (const [i, { optional }] of expr.entries.entries()) {
        const name = values[2 * i] ?? null;
        const found = values[2 * i + 1] ?? null;
        if (!optional) made.push([name, found]);
        else if (found instanceof Optional && found.value !== undefined) made.push([name, found.value]);
      }
      frame.charge(MAP_COST);
      return ValueMap.of(made);
    });
  }

  #struct(expr: StructExpr): Step {
    const type = this.typeOf(expr);
    const steps = expr.entries.map(({ value }) => this.compile(value));
    return nary(steps, (frame, values) => {
      const fields = new Map<string, Value>();
      for (const [i, { field, optional }] of expr.entries.entries()) {
        const found = values[i] ?? null;
        if (!optional) fields.set(field, found);
        else if (found instanceof Optional && found.value !== undefined) fields.set(field, found.value);
      }
      frame.charge(STRUCT_COST);
      return new StructValue(type, fields);
    });
  }
}

function selectField(target: Value, field: string): Value {
  if (target instanceof CelMap) {
    const value = target.get(field);
    if (value === undefined) throw target.missing(field);
    return value;
  }
  if (target instanceof Optional) return optionalField(target, field);
  throw new CelError(`no such key: ${field}`);
}

function optionalField(target: Value, field: string): Value {
  const inner = target instanceof Optional ? target.value : target;
  if (inner === undefined) return Optional.none;
  if (!(inner instanceof CelMap)) throw new CelError(`no such key: ${field}`);
  const found = optionalIndex(inner, field);
  // An optional field of an optional value is not wrapped twice.
  return found.value instanceof Optional ? found.value : found;
}

function isPresent(target: Value, field: string): boolean {
  const inner = target instanceof Optional ? target.value : target;
  return inner instanceof CelMap && inner.has(field);
}
