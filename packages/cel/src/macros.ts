import { ACCUMULATOR } from "./ast.ts";
import type { Expr } from "./ast.ts";
import type { Builder } from "./builder.ts";

/** An expression whose place is to blame. */
export class MacroError extends Error {
  readonly pos: number;
  constructor(pos: number, message: string) {
    super(message);
    this.pos = pos;
  }
}

/** Rewrites a call; `target` is undefined for global ones. Undefined: it is no macro after all. */
type Macro = (build: Builder, pos: number, target: Expr, args: readonly Expr[]) => Expr | undefined;

function variable(expr: Expr | undefined): string {
  if (expr?.kind !== "ident") throw new MacroError(expr?.pos ?? 0, "argument is not an identifier");
  if (expr.name === ACCUMULATOR || expr.name === "__result__") {
    throw new MacroError(expr.pos, "iteration variable overwrites accumulator variable");
  }
  return expr.name;
}

function variables(args: readonly Expr[]): [string, string?] {
  const first = variable(args[0]);
  if (args.length < 2) return [first];
  const second = variable(args[1]);
  if (first === second) {
    throw new MacroError(args[1]?.pos ?? 0, `duplicate variable name: ${second}`);
  }
  return [first, second];
}

/** all, exists, exists_one: the last argument is the predicate, those before it are variables. */
function quantifier(kind: "all" | "exists" | "exists_one"): Macro {
  return (build, pos, target, args) => {
    const predicate = args.at(-1);
    if (predicate === undefined) return undefined;
    const vars = variables(args.slice(0, -1));
    const accu = (): Expr => build.ident(pos, ACCUMULATOR);
    if (kind === "exists_one") {
      const step = build.call(pos, "_?_:_", predicate, build.call(pos, "_+_", accu(), build.literal(pos, 1n)), accu());
      const init = { name: ACCUMULATOR, init: build.literal(pos, 0n) };
      const result = build.call(pos, "_==_", accu(), build.literal(pos, 1n));
      return build.fold(pos, target, vars, init, { condition: build.literal(pos, true), step }, result);
    }
    const all = kind === "all";
    const init = { name: ACCUMULATOR, init: build.literal(pos, all) };
    const going = all ? accu() : build.call(pos, "!_", accu());
    const condition = build.call(pos, "@not_strictly_false", going);
    const step = build.call(pos, all ? "_&&_" : "_||_", accu(), predicate);
    return build.fold(pos, target, vars, init, { condition, step }, accu());
  };
}

/** Collects `[element]` of each item that passes. */
function collect(
  build: Builder,
  pos: number,
  range: Expr,
  vars: readonly [string, string?],
  element: Expr,
  predicate: Expr | undefined,
): Expr {
  const accu = (): Expr => build.ident(pos, ACCUMULATOR);
  const added = build.call(pos, "_+_", accu(), build.list(pos, [element]));
  const step = predicate === undefined ? added : build.call(pos, "_?_:_", predicate, added, accu());
  const init = { name: ACCUMULATOR, init: build.list(pos, []) };
  return build.fold(pos, range, vars, init, { condition: build.literal(pos, true), step }, accu());
}

const map: Macro = (build, pos, target, args) => {
  const [first, second, third] = args;
  if (second === undefined) return undefined;
  const vars = variables(first === undefined ? [] : [first]);
  return third === undefined
    ? collect(build, pos, target, vars, second, undefined)
    : collect(build, pos, target, vars, third, second);
};

const filter: Macro = (build, pos, target, [item, predicate]) => {
  if (item === undefined || predicate === undefined) return undefined;
  const name = variable(item);
  return collect(build, pos, target, [name], build.ident(item.pos, name), predicate);
};

const transformList: Macro = (build, pos, target, args) => {
  const element = args.at(-1);
  if (element === undefined) return undefined;
  return collect(build, pos, target, variables(args.slice(0, 2)), element, args.length === 4 ? args[2] : undefined);
};

/** transformMap keeps the keys, transformMapEntry makes a map of one entry per item. */
function transformMap(entries: boolean): Macro {
  return (build, pos, target, args) => {
    const value = args.at(-1);
    if (value === undefined) return undefined;
    const vars = variables(args.slice(0, 2));
    const accu = (): Expr => build.ident(pos, ACCUMULATOR);
    const added = entries
      ? build.call(pos, "cel.@mapInsert", accu(), value)
      : build.call(pos, "cel.@mapInsert", accu(), build.ident(pos, vars[0]), value);
    const step = args.length === 4 ? build.call(pos, "_?_:_", args[2] ?? value, added, accu()) : added;
    const init = { name: ACCUMULATOR, init: build.map(pos, []) };
    return build.fold(pos, target, vars, init, { condition: build.literal(pos, true), step }, accu());
  };
}

/** `expression` with `name` standing for `value`: a fold over nothing. */
function bind(build: Builder, pos: number, name: string, value: Expr, expression: Expr): Expr {
  return build.fold(
    pos,
    build.list(pos, []),
    ["#unused"],
    { name, init: value },
    { condition: build.literal(pos, false), step: build.ident(pos, name) },
    expression,
  );
}

/** `opt.optMap(v, e)`: e with v standing for the value, when there is one. */
function optional(flat: boolean): Macro {
  return (build, pos, target, [item, expression]) => {
    if (item === undefined || expression === undefined) return undefined;
    const bound = bind(build, pos, variable(item), build.member(pos, target, "value", []), expression);
    return build.call(
      pos,
      "_?_:_",
      build.member(pos, target, "hasValue", []),
      flat ? bound : build.call(pos, "optional.of", bound),
      build.call(pos, "optional.none"),
    );
  };
}

/** By name and number of arguments. */
const MEMBER: Readonly<Record<string, Macro>> = {
  "all/2": quantifier("all"),
  "all/3": quantifier("all"),
  "exists/2": quantifier("exists"),
  "exists/3": quantifier("exists"),
  "exists_one/2": quantifier("exists_one"),
  "exists_one/3": quantifier("exists_one"),
  "existsOne/2": quantifier("exists_one"),
  "existsOne/3": quantifier("exists_one"),
  "map/2": map,
  "map/3": map,
  "filter/2": filter,
  "transformList/3": transformList,
  "transformList/4": transformList,
  "transformMap/3": transformMap(false),
  "transformMap/4": transformMap(false),
  "transformMapEntry/3": transformMap(true),
  "transformMapEntry/4": transformMap(true),
  "optMap/2": optional(false),
  "optFlatMap/2": optional(true),
};

/** The expansion of a call, or undefined when it is an ordinary one. */
export function expandMacro(
  build: Builder,
  pos: number,
  name: string,
  target: Expr | undefined,
  args: readonly Expr[],
): Expr | undefined {
  if (target === undefined) {
    if (name !== "has" || args.length !== 1) return undefined;
    const [arg] = args;
    if (arg?.kind !== "select") throw new MacroError(arg?.pos ?? pos, "invalid argument to has() macro");
    return build.select(pos, arg.operand, arg.field, true);
  }
  const key = `${name}/${args.length}`;
  return Object.hasOwn(MEMBER, key) ? MEMBER[key]?.(build, pos, target, args) : undefined;
}

/** `cel.bind(name, value, expression)`, of environments that have it; undefined for every other call. */
export function expandBind(
  build: Builder,
  pos: number,
  name: string,
  target: Expr | undefined,
  [item, value, expression, ...more]: readonly Expr[],
): Expr | undefined {
  if (name !== "bind" || target?.kind !== "ident" || target.name !== "cel") return undefined;
  if (item === undefined || value === undefined || expression === undefined || more.length > 0) return undefined;
  if (item.kind !== "ident") throw new MacroError(item.pos, "cel.bind() variable names must be simple identifiers");
  return bind(build, pos, item.name, value, expression);
}
