// Estimated costs of single functions: cel-go's own, and those of Kubernetes' libraries. A change here decides which
// rules may be written into a definition, so the figures are upstream's.
import type { Operand } from "./cost-estimate.ts";
import { MAX, UNKNOWN, ZERO, addRanges, fixed, multiplyRanges, scale, unionRanges } from "./estimates.ts";
import type { Range } from "./estimates.ts";
import { AUTHORIZATION_CHECK_COST, SELECTOR_BASE_COST, SELECTOR_REQUIREMENT_COST } from "./runtime-cost.ts";

const TRAVERSAL = 0.1;
const REGEX = 0.25;
const ONE = fixed(1);

/** Without the costs of the operands, unless `whole`. */
interface Estimate {
  readonly cost: Range;
  readonly size?: Range;
  readonly whole?: boolean;
}

type Rule = (operands: readonly Operand[]) => Estimate;

const sizeAt = (operands: readonly Operand[], index: number): Range => operands[index]?.size ?? UNKNOWN;

const traverse =
  (factor: number, keepsSize = false): Rule =>
  (operands) => {
    const size = sizeAt(operands, 0);
    return { cost: scale(size, factor * TRAVERSAL), ...(keepsSize ? { size } : {}) };
  };

/** Kubernetes' types of which two are compared at once; formats are compared by what they are made of. */
const COMPARED_AT_ONCE = new Set([
  "net.IP",
  "net.CIDR",
  "kubernetes.Quantity",
  "kubernetes.Semver",
  "kubernetes.authorization.Authorizer",
  "kubernetes.authorization.PathCheck",
  "kubernetes.authorization.GroupCheck",
  "kubernetes.authorization.ResourceCheck",
  "kubernetes.authorization.Decision",
]);
const MAX_FORMAT = 64;

const equality: Rule = (operands) => {
  const [left, right] = operands;
  if (left?.type.kind === "opaque" && left.type.name === right?.type.name) {
    if (COMPARED_AT_ONCE.has(left.type.name)) return { cost: ONE };
    if (left.type.name === "kubernetes.URL") {
      // By the length of the text that the right one was made of; upstream looks at no other.
      const { max } = sizeAt(operands, 1);
      return { cost: max === MAX ? ONE : scale({ min: 1, max }, TRAVERSAL) };
    }
    if (left.type.name === "kubernetes.NamedFormat") return { cost: scale({ min: 1, max: MAX_FORMAT }, TRAVERSAL) };
  }
  return comparison(operands);
};

const comparison: Rule = (operands) => {
  const max = Math.min(sizeAt(operands, 0).max, sizeAt(operands, 1).max);
  return { cost: scale({ min: max > 0 ? 1 : 0, max }, TRAVERSAL) };
};

const regex: Rule = (operands) => {
  const text = sizeAt(operands, 0);
  const cost = multiplyRanges(scale(addRanges(text, ONE), TRAVERSAL), scale(sizeAt(operands, 1), REGEX));
  return { cost };
};

const findAll: Rule = (operands) => ({ ...regex(operands), size: { min: 0, max: sizeAt(operands, 0).max } });

const prefix: Rule = (operands) => ({ cost: scale(sizeAt(operands, 1), TRAVERSAL) });

const concat: Rule = (operands) => {
  const size = addRanges(sizeAt(operands, 0), sizeAt(operands, 1));
  return { cost: scale(size, TRAVERSAL), size };
};

/** The left side alone may decide. */
const logical: Rule = ([left, right]) => {
  const a = left?.cost ?? ZERO;
  return { cost: { min: a.min, max: addRanges(a, right?.cost ?? ZERO).max }, whole: true };
};

const conditional: Rule = (operands) => {
  const [condition, whenTrue, whenFalse] = operands;
  const branches = unionRanges(whenTrue?.cost ?? ZERO, whenFalse?.cost ?? ZERO);
  return {
    cost: addRanges(condition?.cost ?? ZERO, branches),
    size: unionRanges(sizeAt(operands, 1), sizeAt(operands, 2)),
    whole: true,
  };
};

const BY_OVERLOAD: Readonly<Record<string, Rule>> = {
  logical_or: logical,
  logical_and: logical,
  conditional,
  string_format: (operands) => {
    const text = sizeAt(operands, 0);
    return { cost: scale(text, TRAVERSAL) };
  },
  string_to_bytes: (operands) => {
    const size = sizeAt(operands, 0);
    return { cost: scale(size, TRAVERSAL), size: { min: size.min, max: Math.min(MAX, size.max * 4) } };
  },
  bytes_to_string: (operands) => {
    const size = sizeAt(operands, 0);
    return { cost: scale(size, TRAVERSAL), size: { min: Math.floor(size.min / 4), max: size.max } };
  },
  strings_quote: (operands) => {
    const size = sizeAt(operands, 0);
    return { cost: scale(size, TRAVERSAL), size: addRanges({ min: size.min, max: size.max * 2 }, fixed(2)) };
  },
  starts_with_string: prefix,
  ends_with_string: prefix,
  in_list: (operands) => ({ cost: sizeAt(operands, 1) }),
  matches_string: regex,
  contains_string: (operands) => ({
    cost: multiplyRanges(scale(sizeAt(operands, 0), TRAVERSAL), scale(sizeAt(operands, 1), TRAVERSAL)),
  }),
  add_string: concat,
  add_bytes: concat,
  add_list: (operands) => ({ cost: ONE, size: addRanges(sizeAt(operands, 0), sizeAt(operands, 1)) }),
  equals: equality,
  not_equals: comparison,
  cidr_ip: () => ({ cost: ONE }),
};
for (const name of ["less", "less_equals", "greater", "greater_equals"]) {
  Object.assign(BY_OVERLOAD, { [`${name}_string`]: comparison, [`${name}_bytes`]: comparison });
}

/** A walk over a list compares each element once; over a string it is a traversal. */
const walk: Rule = ([target]) => {
  if (target === undefined) return { cost: ONE };
  const element = target.type.kind === "list" ? target.type.params[0] : undefined;
  if (element === undefined) return { cost: scale(target.size, TRAVERSAL) };
  const isText = element.kind === "string" || element.kind === "bytes";
  const each = isText ? addRanges(ONE, scale(target.elementSize(), TRAVERSAL)) : ONE;
  return { cost: multiplyRanges(target.size, each) };
};

const replace: Rule = (operands) => {
  const size = sizeAt(operands, 0);
  const from = sizeAt(operands, 1);
  const to = sizeAt(operands, 2);
  // Most: the shortest parts replaced by the longest text. Fewest: the other way round.
  const count = { min: 0, max: 0 };
  const kept = { min: 0, max: 0 };
  if (from.min === 0) {
    count.max = Math.min(MAX, size.max + 1);
    kept.max = size.max;
  } else if (to.max <= from.min) kept.max = size.max;
  else count.max = Math.ceil(size.max / from.min);
  if (from.max === 0) {
    count.min = Math.min(MAX, size.min + 1);
    kept.min = size.min;
  } else if (from.max <= to.min) kept.min = size.min;
  else count.min = Math.ceil(size.min / from.max);
  return { cost: scale(size, 2 * TRAVERSAL), size: addRanges(multiplyRanges(count, to), kept) };
};

const split: Rule = (operands) => {
  const size = sizeAt(operands, 0);
  const limit = operands[2]?.expr;
  const bound =
    limit?.kind === "literal" && typeof limit.value === "bigint" && limit.value >= 0n ? limit.value : undefined;
  return { cost: scale(size, 2 * TRAVERSAL), size: { min: 0, max: bound === undefined ? size.max : Number(bound) } };
};

const join: Rule = (operands) => {
  const [target] = operands;
  const list = sizeAt(operands, 0);
  let size = target?.type.kind === "list" ? multiplyRanges(list, target.elementSize()) : ZERO;
  if (operands.length > 1) {
    const separators = { min: Math.max(0, list.min - 1), max: Math.max(0, list.max - 1) };
    size = addRanges(size, multiplyRanges(sizeAt(operands, 1), separators));
  }
  return { cost: scale(size, TRAVERSAL), size };
};

const ADDRESS = { min: 4, max: 16 };

const containsIP: Rule = (operands) => networkContains(operands, false);
const containsCIDR: Rule = (operands) => networkContains(operands, true);

function networkContains(operands: readonly Operand[], inner: boolean): Estimate {
  let cost = scale(addRanges(ADDRESS, ADDRESS), TRAVERSAL);
  if (inner) cost = addRanges(addRanges(cost, scale(ADDRESS, TRAVERSAL)), ONE);
  if (operands[1]?.type.kind === "string") cost = addRanges(cost, scale(sizeAt(operands, 1), TRAVERSAL));
  return { cost };
}

/** A list of requirements, of which the shortest is two characters long and costs a list and a struct. */
const selector: Rule = (operands) => {
  const text = sizeAt(operands, 1);
  const requirements = multiplyRanges(scale(text, 0.5), fixed(SELECTOR_REQUIREMENT_COST));
  return { cost: addRanges(addRanges(fixed(SELECTOR_BASE_COST), scale(text, TRAVERSAL)), requirements) };
};

const product =
  (factor: number): Rule =>
  (operands) => ({
    cost: addRanges(scale(multiplyRanges(sizeAt(operands, 0), sizeAt(operands, 1)), factor), ONE),
  });

const BY_FUNCTION: Readonly<Record<string, Rule>> = {
  check: () => ({ cost: fixed(AUTHORIZATION_CHECK_COST) }),
  isSorted: walk,
  sum: walk,
  max: walk,
  min: walk,
  indexOf: walk,
  lastIndexOf: walk,
  url: traverse(1, true),
  "jsonpatch.escapeKey": traverse(1, true),
  fieldSelector: selector,
  labelSelector: selector,
  lowerAscii: traverse(1, true),
  upperAscii: traverse(1, true),
  substring: traverse(1, true),
  trim: traverse(1, true),
  replace,
  split,
  join,
  find: findAll,
  findAll,
  cidr: traverse(1),
  isIP: traverse(1),
  isCIDR: traverse(1),
  ip: traverse(1),
  isCanonical: traverse(2),
  containsIP,
  containsCIDR,
  quantity: traverse(1),
  isQuantity: traverse(1),
  semver: traverse(1),
  isSemver: traverse(1),
  // Names have patterns of up to 128 characters.
  validate: (operands) => ({ cost: scale(scale(sizeAt(operands, 1), TRAVERSAL), 128 * REGEX) }),
  contains: product(1),
  intersects: product(1),
  equivalent: product(2),
};

/** Cost of a call with its arguments, but without its receiver; and the size of the result where it is known. */
export function estimateCall(
  name: string,
  overload: string,
  target: Operand | undefined,
  args: readonly Operand[],
): { cost: Range; size?: Range } {
  const operands = target === undefined ? args : [target, ...args];
  const byName = Object.hasOwn(BY_FUNCTION, name) && overload !== "contains_string" ? BY_FUNCTION[name] : undefined;
  const rule = BY_OVERLOAD[overload] ?? byName;
  const estimate: Estimate = rule === undefined ? { cost: ONE } : rule(operands);
  const { cost, size, whole } = estimate;
  const total = whole === true ? cost : args.reduce((sum, arg) => addRanges(sum, arg.cost), cost);
  return size === undefined ? { cost: total } : { cost: total, size };
}
