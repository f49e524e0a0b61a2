/**
 * Whether two stored JSON values mean the same: key order does not matter, and an absent field equals undefined, null, an
 * empty list and an empty map (upstream's Semantic.DeepEqual of decoded objects). Both sides were defaulted by the server.
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isAbsent(a) || isAbsent(b)) return isEmpty(a) && isEmpty(b);
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => semanticEqual(item, b[i]));
  }
  if (typeof a !== "object" || typeof b !== "object") return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of Object.keys(left)) if (!fieldEqual(left, right, key)) return false;
  for (const key of Object.keys(right)) if (!(key in left) && !fieldEqual(left, right, key)) return false;
  return true;
}

// A struct that is present and empty (emptyDir: {}) says something that its absence does not; an empty map says nothing.
function fieldEqual(a: Record<string, unknown>, b: Record<string, unknown>, key: string): boolean {
  const left = a[key];
  const right = b[key];
  if (isPlainObject(left) === isPlainObject(right)) return semanticEqual(left, right);
  return EMPTY_IS_ABSENT.has(key) && isEmpty(left) && isEmpty(right);
}

// Maps, and structs that are no pointers upstream: an empty one equals an absent one.
const EMPTY_IS_ABSENT: ReadonlySet<string> = new Set([
  "annotations",
  "data",
  "labels",
  "limits",
  "matchLabels",
  "metadata",
  "nodeSelector",
  "overhead",
  "requests",
  "resources",
  "selector",
  "status",
]);

function isPlainObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function isEmpty(value: unknown): boolean {
  if (isAbsent(value)) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object") {
    for (const _ in value) return false;
    return true;
  }
  return false;
}
