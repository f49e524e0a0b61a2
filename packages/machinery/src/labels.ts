// Label selectors: parsed and compiled once, matched often. Grammar and texts: apimachinery's labels package.
import { tableOf } from "./table.ts";
import { isQualifiedName, isValidLabelValue } from "./names.ts";

export interface Requirement {
  readonly key: string;
  readonly operator: "in" | "notin" | "=" | "!=" | "exists" | "!" | "gt" | "lt";
  readonly values: readonly string[];
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

type Labels = Readonly<Record<string, string>> | undefined;

/** A compiled selector. The empty one matches everything. */
export class Selector {
  readonly requirements: readonly Requirement[];
  readonly #nothing: boolean;

  constructor(requirements: readonly Requirement[], nothing = false) {
    this.requirements = requirements;
    this.#nothing = nothing;
  }

  get empty(): boolean {
    return this.requirements.length === 0 && !this.#nothing;
  }

  matches(labels: Labels): boolean {
    if (this.#nothing) return false;
    for (const requirement of this.requirements) if (!matchesOne(requirement, labels)) return false;
    return true;
  }

  toString(): string {
    return this.requirements.map(formatRequirement).join(",");
  }
}

const INTEGER = /^-?\d+$/;

function matchesOne(requirement: Requirement, labels: Labels): boolean {
  const has = labels !== undefined && Object.hasOwn(labels, requirement.key);
  const value = has ? (labels[requirement.key] ?? "") : "";
  switch (requirement.operator) {
    case "=":
    case "in":
      return has && requirement.values.includes(value);
    case "!=":
    case "notin":
      return !has || !requirement.values.includes(value);
    case "exists":
      return has;
    case "!":
      return !has;
    case "gt":
    case "lt": {
      const bound = requirement.values[0] ?? "";
      if (!has || !INTEGER.test(value) || !INTEGER.test(bound)) return false;
      const left = BigInt(value);
      const right = BigInt(bound);
      return requirement.operator === "gt" ? left > right : left < right;
    }
  }
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "=":
      return `${key}=${values[0] ?? ""}`;
    case "!=":
      return `${key}!=${values[0] ?? ""}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${values.toSorted().join(",")})`;
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "gt":
      return `${key}>${values[0] ?? ""}`;
    case "lt":
      return `${key}<${values[0] ?? ""}`;
  }
}

export const everything = new Selector([]);
export const nothing = new Selector([], true);

const TOKEN = /\s*(==|!=|=|!|,|\(|\)|>|<|[^\s=!,()<>]+)/y;

function tokens(text: string): string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      if (text.slice(start).trim() === "") break;
      throw new SyntaxError(`unable to parse requirement: unexpected ${JSON.stringify(text.slice(start))}`);
    }
    found.push(match[1] ?? "");
  }
  return found;
}

const PUNCTUATION = new Set(["==", "!=", "=", "!", ",", "(", ")", ">", "<", undefined]);

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    const first = this.#peek();
    if (first === undefined) return requirements;
    if (first !== "!" && PUNCTUATION.has(first))
      throw new SyntaxError(`found '${first}', expected: !, identifier, or 'end of string'`);
    for (;;) {
      requirements.push(this.#requirement());
      const next = this.#peek();
      if (next === undefined) return requirements;
      if (next !== ",") throw new SyntaxError(`found '${next}', expected: ',' or 'end of string'`);
      this.#at++;
      const after = this.#peek();
      if (after !== "!" && PUNCTUATION.has(after))
        throw new SyntaxError(`found '${after ?? ""}', expected: identifier after ','`);
    }
  }

  #requirement(): Requirement {
    if (this.#peek() === "!") {
      this.#at++;
      return { key: this.#key(), operator: "!", values: [] };
    }
    const key = this.#key();
    const operator = this.#peek();
    if (operator === undefined || operator === ",") return { key, operator: "exists", values: [] };
    this.#at++;
    switch (operator) {
      case "=":
      case "==":
        return { key, operator: "=", values: [this.#value(key)] };
      case "!=":
        return { key, operator: "!=", values: [this.#value(key)] };
      case ">":
      case "<": {
        const value = this.#value(key);
        if (!INTEGER.test(value))
          throw new SyntaxError(
            `unable to parse requirement: values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
          );
        return { key, operator: operator === ">" ? "gt" : "lt", values: [value] };
      }
      case "in":
      case "notin":
        return { key, operator, values: this.#values(key) };
      default:
        throw new SyntaxError(
          `unable to parse requirement: found '${operator}', expected: in, notin, =, ==, !=, gt, lt`,
        );
    }
  }

  #key(): string {
    const key = this.#peek();
    if (PUNCTUATION.has(key))
      throw new SyntaxError(`unable to parse requirement: found '${key ?? ""}', expected: identifier`);
    this.#at++;
    const errors = isQualifiedName(key as string);
    if (errors.length > 0)
      throw new SyntaxError(
        `unable to parse requirement: key: Invalid value: ${JSON.stringify(key)}: ${errors.join("; ")}`,
      );
    return key as string;
  }

  #value(key: string): string {
    const value = this.#peek();
    if (value === undefined || value === ",") return "";
    if (PUNCTUATION.has(value))
      throw new SyntaxError(`unable to parse requirement: found '${value}', expected: identifier`);
    this.#at++;
    checkValue(key, value);
    return value;
  }

  #values(key: string): string[] {
    if (this.#peek() !== "(")
      throw new SyntaxError(`unable to parse requirement: found '${this.#peek() ?? ""}' expected: '('`);
    this.#at++;
    const values: string[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === ")" || token === ",") values.push("");
      else {
        if (PUNCTUATION.has(token))
          throw new SyntaxError(`unable to parse requirement: found '${token ?? ""}', expected: ',', or identifier`);
        this.#at++;
        checkValue(key, token as string);
        values.push(token as string);
      }
      const next = this.#peek();
      this.#at++;
      if (next === ")") return values;
      if (next !== ",")
        throw new SyntaxError(`unable to parse requirement: found '${next ?? ""}', expected: ',' or ')'`);
    }
  }
}

function checkValue(key: string, value: string): void {
  const errors = isValidLabelValue(value);
  if (errors.length > 0)
    throw new SyntaxError(
      `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: ${errors.join("; ")}`,
    );
}

/** Parses the text of a `labelSelector` parameter. Throws SyntaxError. */
export function parseSelector(text: string): Selector {
  const requirements = new Parser(text).parse();
  return requirements.length === 0 ? everything : new Selector(requirements.toSorted(byKey));
}

function byKey(a: Requirement, b: Requirement): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

const OPERATORS: Readonly<Record<string, Requirement["operator"]>> = tableOf({
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
});

/** meta/v1 LabelSelector: absent selects nothing, {} everything. Throws SyntaxError on an unknown operator. */
export function selectorFromLabelSelector(selector: LabelSelector | undefined): Selector {
  if (selector === undefined) return nothing;
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: "=",
    values: [value],
  }));
  for (const expression of selector.matchExpressions ?? []) {
    const operator = OPERATORS[expression.operator];
    if (operator === undefined)
      throw new SyntaxError(`"${expression.operator}" is not a valid label selector operator`);
    requirements.push({ key: expression.key, operator, values: expression.values ?? [] });
  }
  return new Selector(requirements.toSorted(byKey));
}

/** Equality with every entry; an absent or empty map selects everything. */
export function selectorFromSet(labels: Readonly<Record<string, string>> | undefined): Selector {
  return selectorFromLabelSelector({ matchLabels: { ...labels } });
}

/** As tables show a selector: "<none>" for absent or empty. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return "<none>";
  let compiled: Selector;
  try {
    compiled = selectorFromLabelSelector(selector);
  } catch {
    return "<error>";
  }
  const text = compiled.toString();
  return text === "" ? "<none>" : text;
}
