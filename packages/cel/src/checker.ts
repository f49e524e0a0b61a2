import type { CallExpr, ComprehensionExpr, Expr, ListExpr, MapExpr, SelectExpr, StructExpr } from "./ast.ts";
import type { Environment } from "./environment.ts";
import { CompileError } from "./errors.ts";
import type { Issue } from "./errors.ts";
import type { Overload } from "./functions.ts";
import { qualifiedName } from "./parser.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DYN,
  ERROR,
  INT,
  NULL,
  STRING,
  UINT,
  formatSignature,
  formatType,
  isOptional,
  listOf,
  mapOf,
  optionalOf,
  param,
  sameType,
  typeOf,
} from "./types.ts";
import type { CelType } from "./types.ts";
import { Substitutions, joinTypes } from "./unify.ts";
import type { LiteralExpr } from "./ast.ts";
import { Uint } from "./values.ts";

/** An expression with everything that was found out about it. */
export interface CheckedExpr {
  readonly expr: Expr;
  readonly type: CelType;
  /** Types by node id. */
  readonly types: ReadonlyMap<number, CelType>;
  /** The overloads that a call may mean, by node id. */
  readonly overloads: ReadonlyMap<number, readonly Overload[]>;
  /** Variables and types that identifiers, and selections that spell a qualified name, stand for. */
  readonly references: ReadonlyMap<number, Reference>;
  /** Member calls that are calls of a function with a qualified name (`ip.isCanonical(…)`). */
  readonly globalCalls: ReadonlySet<number>;
}

export type Reference =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "local"; readonly name: string }
  | { readonly kind: "type"; readonly type: CelType };

/** Throws CompileError. */
export function check(source: string, expr: Expr, env: Environment): CheckedExpr {
  return new Checker(source, env).run(expr);
}

class Checker {
  readonly #source: string;
  readonly #env: Environment;
  readonly #issues: Issue[] = [];
  readonly #known = new Substitutions();
  readonly #types = new Map<number, CelType>();
  readonly #overloads = new Map<number, readonly Overload[]>();
  readonly #references = new Map<number, Reference>();
  readonly #globalCalls = new Set<number>();
  readonly #scopes: Map<string, CelType>[] = [];
  #fresh = 0;

  constructor(source: string, env: Environment) {
    this.#source = source;
    this.#env = env;
  }

  run(expr: Expr): CheckedExpr {
    this.#check(expr);
    if (this.#issues.length > 0) throw new CompileError(this.#source, this.#issues);
    for (const [id, type] of this.#types) this.#types.set(id, this.#known.apply(type, true));
    return {
      expr,
      type: this.#types.get(expr.id) ?? DYN,
      types: this.#types,
      overloads: this.#overloads,
      references: this.#references,
      globalCalls: this.#globalCalls,
    };
  }

  #check(expr: Expr): CelType {
    const type = this.#typeOf(expr);
    this.#types.set(expr.id, type);
    return type;
  }

  #typeOf(expr: Expr): CelType {
    switch (expr.kind) {
      case "literal":
        return literalType(expr);
      case "ident":
        return this.#resolve(expr.id, expr.name) ?? this.#undeclared(expr.pos, expr.name);
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
        return this.#comprehension(expr);
    }
  }

  #report(pos: number, message: string): CelType {
    this.#issues.push({ pos, message });
    return ERROR;
  }

  #undeclared(pos: number, name: string): CelType {
    return this.#report(pos, `undeclared reference to '${name.replace(/^\./, "")}' (in container '')`);
  }

  #freshParam(): CelType {
    return param(`_var${this.#fresh++}`);
  }

  /** What a name stands for; innermost scope first, unless it begins with a dot. */
  #resolve(id: number, name: string): CelType | undefined {
    const plain = name.startsWith(".") ? name.slice(1) : name;
    if (plain === name) {
      for (const scope of this.#scopes.toReversed()) {
        const local = scope.get(name);
        if (local === undefined) continue;
        this.#references.set(id, { kind: "local", name });
        return local;
      }
    }
    const variable = this.#env.variables.get(plain);
    if (variable !== undefined) {
      this.#references.set(id, { kind: "variable", name: plain });
      return variable;
    }
    const type = this.#env.types.get(plain);
    if (type === undefined) return undefined;
    this.#references.set(id, { kind: "type", type });
    return typeOf(type);
  }

  #isLocal(name: string): boolean {
    const root = name.split(".", 1)[0] ?? "";
    return this.#scopes.some((scope) => scope.has(root));
  }

  #select(expr: SelectExpr): CelType {
    const name = expr.testOnly ? undefined : qualifiedName(expr);
    const named = name === undefined || this.#isLocal(name) ? undefined : this.#resolve(expr.id, name);
    if (named !== undefined) return named;
    const type = this.#selected(expr.pos, this.#check(expr.operand), expr.field, false);
    return expr.testOnly ? BOOL : type;
  }

  #selected(pos: number, operand: CelType, field: string, optional: boolean): CelType {
    const target = this.#known.apply(operand, false);
    if (isOptional(target)) {
      const inner = this.#field(pos, target.params[0] ?? DYN, field);
      return isOptional(inner) ? inner : optionalOf(inner);
    }
    const type = this.#field(pos, target, field);
    return optional ? optionalOf(type) : type;
  }

  #field(pos: number, type: CelType, field: string): CelType {
    switch (type.kind) {
      case "dyn":
      case "error":
        return DYN;
      case "map":
        return type.params[1] ?? DYN;
      case "param":
        // It can only be something with fields; nothing more is known of it.
        this.#known.assignable(DYN, type);
        return DYN;
      case "struct": {
        const found = type.fields?.field(field);
        return found === undefined ? this.#report(pos, `undefined field '${field}'`) : found.type;
      }
      default:
        return this.#report(pos, `type '${formatType(type)}' does not support field selection`);
    }
  }

  #call(expr: CallExpr): CelType {
    if (expr.function === "_?._") return this.#optionalSelect(expr);
    const target = expr.target;
    if (target !== undefined) {
      const prefix = qualifiedName(target);
      const qualified = `${prefix?.replace(/^\./, "") ?? ""}.${expr.function}`;
      if (prefix !== undefined && !this.#isLocal(prefix) && this.#env.functions.has(qualified)) {
        this.#globalCalls.add(expr.id);
        return this.#resolveCall(
          expr,
          qualified,
          false,
          expr.args.map((arg) => this.#check(arg)),
        );
      }
      const types = [this.#check(target), ...expr.args.map((arg) => this.#check(arg))];
      return this.#resolveCall(expr, expr.function, true, types);
    }
    const name = expr.function.replace(/^\./, "");
    return this.#resolveCall(
      expr,
      name,
      false,
      expr.args.map((arg) => this.#check(arg)),
    );
  }

  #optionalSelect(expr: CallExpr): CelType {
    const [operand, field] = expr.args;
    if (operand === undefined || field?.kind !== "literal" || typeof field.value !== "string") return ERROR;
    this.#types.set(field.id, STRING);
    return this.#selected(expr.pos, this.#check(operand), field.value, true);
  }

  #resolveCall(expr: CallExpr, name: string, member: boolean, types: readonly CelType[]): CelType {
    const overloads = this.#env.functions.get(name);
    if (overloads === undefined) return this.#undeclared(expr.pos, name);
    const matching: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of overloads) {
      if (overload.member !== member || overload.params.length !== types.length) continue;
      const fresh = this.#instantiate(overload);
      if (!this.#known.allAssignable(fresh.params, types)) continue;
      matching.push(overload);
      const found = this.#known.apply(fresh.result, false);
      if (result === undefined) result = found;
      else if (!sameType(result, found)) result = DYN;
    }
    if (result === undefined) {
      const signature = formatSignature(
        types.map((type) => this.#known.apply(type, true)),
        member,
      );
      return this.#report(expr.pos, `found no matching overload for '${name}' applied to '${signature}'`);
    }
    this.#overloads.set(expr.id, matching);
    return result;
  }

  /** The overload with type parameters that are this call's own. */
  #instantiate({ params, result }: Overload): { params: readonly CelType[]; result: CelType } {
    const names = new Set<string>();
    const collect = (type: CelType): void => {
      if (type.kind === "param") names.add(type.name);
      type.params.forEach(collect);
    };
    params.forEach(collect);
    collect(result);
    if (names.size === 0) return { params, result };
    const fresh = new Substitutions(new Map([...names].map((name) => [name, this.#freshParam()])));
    return { params: params.map((each) => fresh.apply(each, false)), result: fresh.apply(result, false) };
  }

  #list(expr: ListExpr): CelType {
    let element: CelType | undefined;
    expr.elements.forEach((each, i) => {
      let type = this.#check(each);
      if (expr.optional.has(i)) type = this.#unwrapOptional(each, type);
      element = this.#join(each.pos, element, type);
    });
    return listOf(element ?? this.#freshParam());
  }

  #unwrapOptional(expr: Expr, type: CelType): CelType {
    const known = this.#known.apply(type, false);
    if (known.kind === "dyn" || known.kind === "error") return known;
    if (isOptional(known)) return known.params[0] ?? DYN;
    return this.#mismatch(expr.pos, optionalOf(known), known);
  }

  #join(pos: number, first: CelType | undefined, second: CelType): CelType {
    const joined = joinTypes(this.#known, first, second);
    if (joined !== undefined) return joined;
    if (this.#env.homogeneousLiterals) this.#mismatch(pos, first ?? DYN, second);
    return DYN;
  }

  #mismatch(pos: number, expected: CelType, found: CelType): CelType {
    const show = (type: CelType): string => formatType(this.#known.apply(type, false));
    return this.#report(pos, `expected type '${show(expected)}' but found '${show(found)}'`);
  }

  #map(expr: MapExpr): CelType {
    let key: CelType | undefined;
    let value: CelType | undefined;
    for (const entry of expr.entries) {
      key = this.#join(entry.key.pos, key, this.#check(entry.key));
      let type = this.#check(entry.value);
      if (entry.optional) type = this.#unwrapOptional(entry.value, type);
      value = this.#join(entry.value.pos, value, type);
    }
    return mapOf(key ?? this.#freshParam(), value ?? this.#freshParam());
  }

  #struct(expr: StructExpr): CelType {
    const name = expr.name.replace(/^\./, "");
    const type = this.#env.structNamed(name);
    for (const entry of expr.entries) {
      if (type === undefined) break;
      let found = this.#check(entry.value);
      if (entry.optional) found = this.#unwrapOptional(entry.value, found);
      const field = type.fields?.field(entry.field);
      if (field === undefined) this.#report(entry.pos, `undefined field '${entry.field}'`);
      else if (!this.#known.assignable(field.type, found)) {
        const provided = formatType(this.#known.apply(found, false));
        this.#report(
          entry.pos,
          `expected type of field '${entry.field}' is '${formatType(field.type)}' but provided type is '${provided}'`,
        );
      }
    }
    if (type !== undefined) return type;
    if (this.#env.types.has(name)) return this.#report(expr.pos, `'${name}' is not a message type`);
    return this.#undeclared(expr.pos, name);
  }

  #comprehension(expr: ComprehensionExpr): CelType {
    const range = this.#known.apply(this.#check(expr.range), false);
    const accu = this.#check(expr.accuInit);
    const [first, second] = this.#iterationTypes(expr, range);
    this.#scopes.push(new Map([[expr.accuVar, accu]]));
    const vars = new Map([[expr.iterVar, first]]);
    if (expr.iterVar2 !== undefined) vars.set(expr.iterVar2, second);
    this.#scopes.push(vars);
    this.#assert(expr.condition, this.#check(expr.condition), BOOL);
    this.#assert(expr.step, this.#check(expr.step), accu);
    this.#scopes.pop();
    const result = this.#check(expr.result);
    this.#scopes.pop();
    return this.#known.apply(result, false);
  }

  #iterationTypes(expr: ComprehensionExpr, range: CelType): [CelType, CelType] {
    switch (range.kind) {
      case "list":
        return expr.iterVar2 === undefined ? [range.params[0] ?? DYN, DYN] : [INT, range.params[0] ?? DYN];
      case "map":
        return [range.params[0] ?? DYN, range.params[1] ?? DYN];
      case "dyn":
      case "error":
        return [DYN, DYN];
      case "param":
        this.#known.assignable(DYN, range);
        return [DYN, DYN];
      default:
        this.#report(
          expr.range.pos,
          `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [ERROR, ERROR];
    }
  }

  #assert(expr: Expr, found: CelType, expected: CelType): void {
    if (!this.#known.assignable(expected, found)) this.#mismatch(expr.pos, expected, found);
  }
}

function literalType({ value }: LiteralExpr): CelType {
  switch (typeof value) {
    case "bigint":
      return INT;
    case "number":
      return DOUBLE;
    case "string":
      return STRING;
    case "boolean":
      return BOOL;
    default:
      if (value === null) return NULL;
      return value instanceof Uint ? UINT : BYTES;
  }
}
