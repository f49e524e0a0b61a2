import { ownValue, Quantity } from "@knots/machinery";

/**
 * Equality of JSON values as the API sees it (upstream: apiequality.Semantic): nil, empty lists, empty maps and absent
 * fields are the same, and so are amounts of the same size, however they are written. Times need no care: they have one
 * form once they are decoded.
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  return equalAt(a, b, "", "");
}

/** JSON knows no types: `key`, the field whose value this is, and `parent`, the field around it, tell maps and amounts. */
function equalAt(a: unknown, b: unknown, key: string, parent: string): boolean {
  if (a === b) return true;
  if (typeof a === "string" && typeof b === "string") return isAmount(key, parent) && sameAmount(a, b);
  if (isNothing(a) || isNothing(b)) return saysNothing(a, key) && saysNothing(b, key);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    const ofItems = AMOUNT_LISTS.has(key) ? key : "";
    return a.every((each, index) => equalAt(each, b[index], ofItems, ""));
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  // An entry of a map of amounts is named as somebody likes, even where it is no amount but has one (devices' capacity).
  const around = AMOUNT_MAPS.has(parent) ? ENTRY : key;
  for (const name in left) if (!equalAt(left[name], ownValue(right, name), name, around)) return false;
  for (const name in right) if (!Object.hasOwn(left, name) && !saysNothing(right[name], name)) return false;
  return true;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** A struct that is there and empty (emptyDir: {}) says something that its absence does not; an empty map says nothing. */
function saysNothing(value: unknown, key: string): boolean {
  if (isNothing(value)) return true;
  if (typeof value !== "object" || Array.isArray(value) || !MAPS.has(key)) return false;
  for (const _ in value) return false;
  return true;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Maps of amounts, by the names of their fields. */
const AMOUNT_MAPS = words(
  "requests limits overhead podFixed capacity allocatable hard used allocatedResources consumedCapacity " +
    "max min default defaultRequest maxLimitRequestRatio",
);
/** Fields that are maps wherever they stand. */
const MAPS = new Set([
  ...AMOUNT_MAPS,
  ...words(
    "annotations labels matchLabels nodeSelector data binaryData stringData options attributes volumeAttributes " +
      "parameters extra deprecatedTopology allocatedResourceStatuses userAnnotations attachmentMetadata auditAnnotations",
  ),
]);
/** Single amounts. */
const AMOUNTS = words(
  "sizeLimit divisor averageValue maximumVolumeSize capacity tolerance allocationMultiplier min max step default",
);
const AMOUNT_LISTS = words("validValues");
/** In place of the name of an entry of AMOUNT_MAPS; no field is called so. */
const ENTRY = "[]";
/** What has its amount in a field called `value`: targets of autoscalers, entries of devices' capacity. */
const WITH_VALUE = words(`target current ${ENTRY}`);

const isAmount = (key: string, parent: string): boolean =>
  AMOUNT_MAPS.has(parent) ||
  // Keys of other maps are anybody's words.
  (!MAPS.has(parent) && (AMOUNTS.has(key) || AMOUNT_LISTS.has(key) || (key === "value" && WITH_VALUE.has(parent))));

function sameAmount(a: string, b: string): boolean {
  const [left, right] = [amountOf(a), amountOf(b)];
  return left !== undefined && right !== undefined && left.cmp(right) === 0;
}

/** undefined: it is none. A strategy compares what was decoded; but what a field is, its name alone says. */
function amountOf(text: string): Quantity | undefined {
  if (!/^[-+.\d]/.test(text)) return undefined;
  try {
    return Quantity.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
