import type { ValidationRule } from "@knots/api/apiextensions/v1";
import { FieldPath, duplicate, forbidden, formatFieldError, invalid, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { Optional, CostExceeded } from "@knots/cel";
import type { Program, SchemaType, Value } from "@knots/cel";
import { inTurns } from "../../turn.ts";
import type { Turn } from "../../turn.ts";
import { isObject } from "../structural.ts";
import type { CompiledRule } from "./compile-rule.ts";
import { Correlation, itemKey, itemsByKey } from "./correlation.ts";
import type { RuleNode } from "./rule-tree.ts";

/** Cost that one rule may have, and that all of an object's rules may have together. */
const PER_CALL_LIMIT = 1_000_000;
const OBJECT_BUDGET = 10_000_000;
const MAX_MESSAGE_BYTES = 5 * 1024;
const OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run";

/** Nothing more is run: the budget is spent. */
class OutOfBudget extends Error {}

export interface RuleResult {
  readonly errors: readonly FieldError[];
  /** Rules that what did not change breaks: said, not enforced. */
  readonly warnings: readonly string[];
}

/** Runs the rules of an object; `old` is its state before, on update. */
export function runRules(node: RuleNode, object: unknown, old: unknown): RuleResult {
  const run = new Run(() => false);
  const steps = run.steps(node, object, old);
  while (steps.next().done !== true);
  return run;
}

/** The same, leaving turns to others between two rules and, where one takes long, within it. */
export async function runRulesInTurns(node: RuleNode, object: unknown, old: unknown, turn: Turn): Promise<RuleResult> {
  const run = new Run(() => turn.isOver);
  await inTurns(run.steps(node, object, old), turn);
  return run;
}

/** Work that can be left between any two rules, and within a long one. */
type Steps = Generator<undefined, void>;

/** `parent`: the nearest part around that has a counterpart in the old state, when this one has none. */
interface Ratchet {
  readonly current: Correlation | undefined;
  readonly parent: Correlation | undefined;
}

function below({ current, parent }: Ratchet, next: (correlation: Correlation) => Correlation | undefined): Ratchet {
  return current === undefined ? { current, parent } : { current: next(current), parent: current };
}

class Run implements RuleResult {
  readonly errors: FieldError[] = [];
  readonly warnings: string[] = [];
  readonly #isOver: () => boolean;
  #budget = OBJECT_BUDGET;

  constructor(isOver: () => boolean) {
    this.#isOver = isOver;
  }

  *steps(node: RuleNode, object: unknown, old: unknown): Steps {
    try {
      const correlation = old === undefined ? undefined : new Correlation(object, old, node.schema);
      yield* this.#visit(node, undefined, object, old, { current: correlation, parent: undefined });
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
    }
  }

  *#visit(node: RuleNode, path: FieldPath | undefined, value: unknown, old: unknown, ratchet: Ratchet): Steps {
    if (value === undefined || value === null) return;
    if (node.type !== undefined && node.rules.length > 0) {
      yield* this.#runAll(node.rules, node.type, path, value, old, ratchet);
    }
    for (const part of node.allOf)
      yield* this.#visit(part, path, value, old, { current: undefined, parent: ratchet.parent });
    if (Array.isArray(value)) yield* this.#items(node, path, value, Array.isArray(old) ? old : [], ratchet);
    else if (isObject(value)) yield* this.#fields(node, path, value, isObject(old) ? old : {}, ratchet);
  }

  *#items(
    node: RuleNode,
    path: FieldPath | undefined,
    value: readonly unknown[],
    old: readonly unknown[],
    ratchet: Ratchet,
  ): Steps {
    const { items } = node;
    if (items === undefined) return;
    const known = itemsByKey(old, node.schema);
    for (const [i, item] of value.entries()) {
      const key = itemKey(item, node.schema);
      const before = key === undefined ? undefined : known.get(key);
      const at = (path ?? FieldPath.root("")).index(i);
      const next = below(ratchet, (correlation) => correlation.index(i));
      yield* this.#visit(items, at, item, before, next);
    }
  }

  *#fields(
    node: RuleNode,
    path: FieldPath | undefined,
    value: Readonly<Record<string, unknown>>,
    old: Readonly<Record<string, unknown>>,
    ratchet: Ratchet,
  ): Steps {
    const atomic = node.schema["x-kubernetes-map-type"] === "atomic";
    for (const [name, inner] of Object.entries(value)) {
      const property = node.properties.get(name);
      const child = property ?? node.values;
      if (child === undefined) continue;
      const before = !atomic && Object.hasOwn(old, name) ? old[name] : undefined;
      const at =
        property !== undefined
          ? path === undefined
            ? FieldPath.root(name)
            : path.child(name)
          : (path ?? FieldPath.root("")).key(name);
      // Both versions of an object are shown in the same version: these two never change.
      const hidden = path === undefined && (name === "apiVersion" || name === "kind");
      const next = hidden
        ? { current: undefined, parent: undefined }
        : below(ratchet, (correlation) => correlation.key(name));
      yield* this.#visit(child, at, inner, before, next);
    }
  }

  *#runAll(
    rules: readonly CompiledRule[],
    type: SchemaType,
    path: FieldPath | undefined,
    value: unknown,
    old: unknown,
    ratchet: Ratchet,
  ): Steps {
    const where = path?.toString() ?? "<nil>";
    const self = type.read(value);
    const hasOld = old !== undefined && old !== null;
    const oldSelf = hasOld ? type.read(old) : undefined;
    const optionalOld = oldSelf === undefined ? Optional.none : Optional.of(oldSelf);
    for (const compiled of rules) {
      const { rule, program, usesOldSelf } = compiled;
      if (program === undefined) {
        if (compiled.error !== undefined) {
          this.errors.push(invalid(where, schemaTypeName(value), `rule compile error: ${compiled.error}`));
        }
        continue;
      }
      const optional = rule.optionalOldSelf === true;
      if (usesOldSelf && !hasOld && !optional) continue;
      if (this.#budget <= 0) throw this.#outOfBudget(where, value, OUT_OF_BUDGET);
      const variables = new Map<string, Value>([["self", self]]);
      if (optional) variables.set("oldSelf", optionalOld);
      else if (oldSelf !== undefined) variables.set("oldSelf", oldSelf);
      const verdict = yield* this.#evaluate(program, rule, variables, where, value);
      yield;
      if (verdict !== false) continue;
      const detail = (yield* this.#message(compiled, variables, where, value)) ?? messageOf(rule);
      const at = compiled.fieldPath === "" ? where : joinPath(path, compiled.fieldPath);
      const error = errorOf(rule, at, schemaTypeName(value), detail);
      const unchanged = (ratchet.current ?? ratchet.parent)?.unchanged ?? false;
      if (!usesOldSelf && unchanged) this.warnings.push(formatFieldError(error));
      else this.errors.push(error);
    }
  }

  #outOfBudget(where: string, value: unknown, detail: string): OutOfBudget {
    this.errors.push(invalid(where, schemaTypeName(value), detail));
    return new OutOfBudget();
  }

  /** True, false, or undefined after an error, which is recorded. */
  *#evaluate(
    program: Program,
    rule: ValidationRule,
    variables: ReadonlyMap<string, Value>,
    where: string,
    value: unknown,
  ): Generator<undefined, boolean | undefined> {
    const outcome = yield* program.evaluateInTurns(variables, PER_CALL_LIMIT, this.#isOver);
    const { value: result, error, cost } = outcome;
    if (cost > this.#budget) throw this.#outOfBudget(where, value, OUT_OF_BUDGET);
    this.#budget -= cost;
    if (error === undefined) return result === true;
    const said = ruleText(rule);
    if (error instanceof CostExceeded) {
      const why = `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${said}`;
      throw this.#outOfBudget(where, value, why);
    }
    const detail = error.message.startsWith("no such overload")
      ? `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${said}`
      : `${error.message} evaluating rule: ${said}`;
    this.errors.push(invalid(where, schemaTypeName(value), detail));
    return undefined;
  }

  /** The text that messageExpression makes; undefined when it makes none that can be shown. */
  *#message(
    { rule, message }: CompiledRule,
    variables: ReadonlyMap<string, Value>,
    where: string,
    object: unknown,
  ): Generator<undefined, string | undefined> {
    if (message === undefined) return undefined;
    const { value, error, cost } = yield* message.evaluateInTurns(variables, PER_CALL_LIMIT, this.#isOver);
    if (cost > this.#budget) {
      const why =
        "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run";
      throw this.#outOfBudget(where, object, why);
    }
    this.#budget -= cost;
    if (error instanceof CostExceeded) {
      const source = JSON.stringify(rule.messageExpression);
      const why = `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${source}`;
      throw this.#outOfBudget(where, object, why);
    }
    return typeof value === "string" ? showable(value) : undefined;
  }
}

/** A message is one line, not empty and not too long; anything else is as if there were none. */
export function showable(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.includes("\n") || Buffer.byteLength(trimmed) > MAX_MESSAGE_BYTES) return undefined;
  return trimmed;
}

function ruleText({ rule, message }: ValidationRule): string {
  return message !== undefined && message !== "" ? message.trim() : rule.trim();
}

function messageOf(rule: ValidationRule): string {
  const { message } = rule;
  return message !== undefined && message !== "" ? message.trim() : `failed rule: ${ruleText(rule)}`;
}

function joinPath(path: FieldPath | undefined, more: string): string {
  if (path === undefined) return more;
  return more.startsWith("[") ? `${path.toString()}${more}` : `${path.toString()}.${more}`;
}

/** The schema's word for what a value is: texts show that, not the value. */
function schemaTypeName(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint") return "integer";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function errorOf({ reason }: ValidationRule, where: string, value: string, detail: string): FieldError {
  switch (reason) {
    case "FieldValueForbidden":
      return forbidden(where, detail);
    case "FieldValueRequired":
      return required(where, detail);
    case "FieldValueDuplicate":
      return duplicate(where, value);
    default:
      return invalid(where, value, detail);
  }
}
