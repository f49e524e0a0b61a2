import type { Expr, MapEntry, StructEntry } from "./ast.ts";
import { Builder } from "./builder.ts";
import { CompileError } from "./errors.ts";
import type { Issue } from "./errors.ts";
import { tokenize } from "./lexer.ts";
import type { Token } from "./lexer.ts";
import { MacroError, expandBind, expandMacro } from "./macros.ts";
import { Uint } from "./values.ts";

/** As upstream: deeper expressions are refused. */
const MAX_DEPTH = 250;
const MAX_CODE_POINTS = 100_000;

const RESERVED = new Set(
  "as break const continue else for function if import let loop package namespace return var void while".split(" "),
);
const KEYWORDS = new Set(["true", "false", "null", "in"]);
const OPERATORS: readonly ReadonlyMap<string, string>[] = [
  new Map([
    ["<", "_<_"],
    ["<=", "_<=_"],
    [">", "_>_"],
    [">=", "_>=_"],
    ["==", "_==_"],
    ["!=", "_!=_"],
    ["in", "@in"],
  ]),
  new Map([
    ["+", "_+_"],
    ["-", "_-_"],
  ]),
  new Map([
    ["*", "_*_"],
    ["/", "_/_"],
    ["%", "_%_"],
  ]),
];
const PRIMARY =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/** Ends parsing: what follows an error would be guesses. */
class Stop extends Error {
  readonly pos: number;
  constructor(pos: number, message: string) {
    super(message);
    this.pos = pos;
  }
}

/** Throws CompileError. */
export function parse(source: string, bindings = false): Expr {
  if (source.length > MAX_CODE_POINTS && Array.from(source).length > MAX_CODE_POINTS) {
    const size = Array.from(source).length;
    throw new CompileError(source, [
      { pos: -1, message: `expression code point size exceeds limit: size: ${size}, limit ${MAX_CODE_POINTS}` },
    ]);
  }
  return new Parser(source, bindings).parse();
}

class Parser {
  readonly #bindings: boolean;
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #issues: Issue[];
  readonly #build = new Builder();
  #index = 0;
  #depth = 0;

  constructor(source: string, bindings: boolean) {
    this.#bindings = bindings;
    this.#source = source;
    const { tokens, issues } = tokenize(source);
    this.#tokens = tokens;
    this.#issues = issues;
  }

  parse(): Expr {
    try {
      const expr = this.#expr();
      if (this.#peek().kind !== "eof") this.#unexpected("<EOF>");
      if (this.#issues.length === 0) return expr;
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      this.#issues.push({ pos: error.pos, message: error.message });
    }
    throw new CompileError(this.#source, this.#issues);
  }

  #peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)];
    if (token === undefined) throw new Error("a token list ends with an eof token");
    return token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#index++;
    return token;
  }

  #is(text: string): boolean {
    const token = this.#peek();
    return token.kind === "op" && token.text === text;
  }

  #accept(text: string): Token | undefined {
    return this.#is(text) ? this.#next() : undefined;
  }

  #expect(text: string): Token {
    return this.#accept(text) ?? this.#unexpected(`'${text}'`);
  }

  #unexpected(expected: string): never {
    const token = this.#peek();
    const following = this.#peek(1);
    const fits = expected === "<EOF>" ? following.kind === "eof" : expected === PRIMARY && startsPrimary(following);
    const how = token.kind !== "eof" && fits ? "extraneous" : "mismatched";
    throw new Stop(token.pos, `Syntax error: ${how} input '${token.text}' expecting ${expected}`);
  }

  #deeper<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new Stop(-1, `expression recursion limit exceeded: ${MAX_DEPTH}`);
    const result = parse();
    this.#depth--;
    return result;
  }

  #expr(): Expr {
    return this.#deeper(() => {
      const condition = this.#logical("||", "_||_");
      const question = this.#accept("?");
      if (question === undefined) return condition;
      const whenTrue = this.#logical("||", "_||_");
      this.#expect(":");
      return this.#build.call(question.pos, "_?_:_", condition, whenTrue, this.#expr());
    });
  }

  /** Chains of && and || become balanced trees, so that long ones are not deep. */
  #logical(operator: "||" | "&&", name: string): Expr {
    const operand = (): Expr => (operator === "||" ? this.#logical("&&", "_&&_") : this.#binary(0));
    const terms = [operand()];
    const positions: number[] = [];
    for (let token = this.#accept(operator); token !== undefined; token = this.#accept(operator)) {
      positions.push(token.pos);
      terms.push(operand());
    }
    const balance = (low: number, high: number): Expr => {
      const middle = low + Math.floor((high - low + 1) / 2);
      const left = middle === low ? terms[middle] : balance(low, middle - 1);
      const right = middle === high ? terms[middle + 1] : balance(middle + 1, high);
      return this.#build.call(positions[middle] ?? 0, name, left as Expr, right as Expr);
    };
    return positions.length === 0 ? (terms[0] as Expr) : balance(0, positions.length - 1);
  }

  #binary(level: number): Expr {
    const operators = OPERATORS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let count = 0; ; count++) {
      const token = this.#peek();
      const name = token.kind === "op" || token.text === "in" ? operators.get(token.text) : undefined;
      if (name === undefined) return left;
      this.#checkChain(count);
      this.#next();
      left = this.#build.call(token.pos, name, left, this.#binary(level + 1));
    }
  }

  #checkChain(length: number): void {
    if (this.#depth + length >= MAX_DEPTH) throw new Stop(-1, "max recursion depth exceeded");
  }

  #unary(): Expr {
    const token = this.#peek();
    if (token.kind !== "op" || (token.text !== "!" && token.text !== "-")) return this.#member();
    const following = this.#peek(1);
    if (token.text === "-" && (following.kind === "int" || following.kind === "double")) {
      this.#next();
      return this.#postfix(this.#number(this.#next(), "-", token.pos));
    }
    let count = 0;
    while (this.#accept(token.text) !== undefined) count++;
    const operand = this.#member();
    return count % 2 === 0 ? operand : this.#build.call(token.pos, token.text === "!" ? "!_" : "-_", operand);
  }

  #member(): Expr {
    return this.#postfix(this.#primary());
  }

  #postfix(start: Expr): Expr {
    let expr = start;
    for (let count = 0; ; count++) {
      const token = this.#peek();
      if (token.kind !== "op") return expr;
      if (token.text === ".") expr = this.#dot(expr);
      else if (token.text === "[") expr = this.#subscript(expr);
      else if (token.text === "{") {
        const name = qualifiedName(expr);
        if (name === undefined) return expr;
        expr = this.#struct(name);
      } else return expr;
      this.#checkChain(count);
    }
  }

  #dot(operand: Expr): Expr {
    const dot = this.#next();
    const optional = this.#accept("?") !== undefined;
    const name = this.#next();
    if (name.kind === "escaped-ident") {
      const field = name.text.slice(1, -1);
      return optional ? this.#optionalSelect(dot.pos, operand, field) : this.#build.select(dot.pos, operand, field);
    }
    if (name.kind !== "ident" || KEYWORDS.has(name.text)) {
      this.#index--;
      this.#unexpected("IDENTIFIER");
    }
    if (optional) return this.#optionalSelect(dot.pos, operand, name.text);
    const open = this.#accept("(");
    if (open === undefined) return this.#build.select(dot.pos, operand, name.text);
    const args = this.#arguments(")");
    return this.#expand(open.pos, name.text, operand, args) ?? this.#build.member(open.pos, operand, name.text, args);
  }

  #optionalSelect(pos: number, operand: Expr, field: string): Expr {
    return this.#build.call(pos, "_?._", operand, this.#build.literal(pos, field));
  }

  #subscript(operand: Expr): Expr {
    const open = this.#next();
    const optional = this.#accept("?") !== undefined;
    const index = this.#expr();
    this.#expect("]");
    return this.#build.call(open.pos, optional ? "_[?_]" : "_[_]", operand, index);
  }

  #arguments(close: string): Expr[] {
    const args: Expr[] = [];
    if (this.#accept(close) !== undefined) return args;
    do args.push(this.#expr());
    while (this.#accept(",") !== undefined);
    this.#expect(close);
    return args;
  }

  #expand(pos: number, name: string, target: Expr | undefined, args: readonly Expr[]): Expr | undefined {
    try {
      const bound = this.#bindings ? expandBind(this.#build, pos, name, target, args) : undefined;
      return bound ?? expandMacro(this.#build, pos, name, target, args);
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      this.#issues.push({ pos: error.pos, message: error.message });
      return undefined;
    }
  }

  #primary(): Expr {
    const token = this.#peek();
    switch (token.kind) {
      case "int":
      case "uint":
      case "double":
        return this.#number(this.#next(), "", token.pos);
      case "string":
      case "bytes":
        this.#next();
        return this.#build.literal(token.pos, token.decoded ?? "");
      case "ident":
        if (token.text !== "in") return this.#identifier();
        break;
      case "op":
        if (token.text === "(") {
          this.#next();
          const inner = this.#expr();
          this.#expect(")");
          return inner;
        }
        if (token.text === "[") return this.#list();
        if (token.text === "{") return this.#map();
        if (token.text === "." && this.#peek(1).kind === "ident") return this.#identifier();
    }
    return this.#unexpected(PRIMARY);
  }

  #identifier(): Expr {
    const dot = this.#accept(".");
    const token = this.#next();
    const pos = dot?.pos ?? token.pos;
    if (dot === undefined && KEYWORDS.has(token.text)) {
      return this.#build.literal(pos, token.text === "null" ? null : token.text === "true");
    }
    if (RESERVED.has(token.text)) this.#issues.push({ pos, message: `reserved identifier: ${token.text}` });
    const name = dot === undefined ? token.text : `.${token.text}`;
    const open = this.#accept("(");
    if (open === undefined) return this.#build.ident(pos, name);
    const args = this.#arguments(")");
    return this.#expand(open.pos, name, undefined, args) ?? this.#build.call(open.pos, name, ...args);
  }

  #list(): Expr {
    const open = this.#next();
    const elements: Expr[] = [];
    const optional = new Set<number>();
    while (!this.#is("]")) {
      if (this.#accept("?") !== undefined) optional.add(elements.length);
      elements.push(this.#expr());
      if (this.#accept(",") === undefined) break;
    }
    this.#expect("]");
    return this.#build.list(open.pos, elements, optional);
  }

  #map(): Expr {
    const open = this.#next();
    const entries: MapEntry[] = [];
    while (!this.#is("}")) {
      const optional = this.#accept("?") !== undefined;
      const key = this.#expr();
      const colon = this.#expect(":");
      entries.push({ key, value: this.#expr(), optional, pos: colon.pos });
      if (this.#accept(",") === undefined) break;
    }
    this.#expect("}");
    return this.#build.map(open.pos, entries);
  }

  #struct(name: string): Expr {
    const open = this.#next();
    const entries: StructEntry[] = [];
    while (!this.#is("}")) {
      const optional = this.#accept("?") !== undefined;
      const field = this.#next();
      if ((field.kind !== "ident" && field.kind !== "escaped-ident") || KEYWORDS.has(field.text)) {
        this.#index--;
        this.#unexpected("{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}");
      }
      const colon = this.#expect(":");
      entries.push({ field: field.text.replaceAll("`", ""), value: this.#expr(), optional, pos: colon.pos });
      if (this.#accept(",") === undefined) break;
    }
    this.#expect("}");
    return { kind: "struct", id: this.#build.nextId(), pos: open.pos, name, entries };
  }

  #number(token: Token, sign: "" | "-", pos: number): Expr {
    if (token.kind === "double") {
      const value = Number(sign + token.text);
      if (!Number.isFinite(value)) this.#issues.push({ pos, message: "invalid double literal" });
      return this.#build.literal(pos, value);
    }
    const value = BigInt(token.text.replace(/[uU]$/, "")) * (sign === "-" ? -1n : 1n);
    if (token.kind === "uint") {
      if (value >= 2n ** 64n) this.#issues.push({ pos, message: "invalid uint literal" });
      return this.#build.literal(pos, new Uint(value));
    }
    if (value >= 2n ** 63n || value < -(2n ** 63n)) this.#issues.push({ pos, message: "invalid int literal" });
    return this.#build.literal(pos, value);
  }
}

function startsPrimary(token: Token): boolean {
  if (token.kind === "op") return ["[", "{", "(", ".", "-", "!"].includes(token.text);
  return token.kind !== "eof" && token.kind !== "escaped-ident" && token.text !== "in";
}

/** "a.b.c" for a chain of plain selections; undefined for anything else. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === "ident") return expr.name;
  if (expr.kind !== "select" || expr.testOnly) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}
