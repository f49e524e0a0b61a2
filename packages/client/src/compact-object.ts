import type { KubeObject } from "@knots/machinery";
import { withoutManagedFields } from "./without-managed-fields.ts";

/** Beyond so many of them the tables begin anew: what is still met often is soon in them again. */
const KNOWN = 20_000;
/** Longer texts are hardly ever met twice, and shorter ones V8 has once already. */
const [SHORTEST, LONGEST] = [11, 256];
const MOST_FIELDS = 8;

/**
 * Makes transforms for informers of components that hold very many objects: they drop managed fields, and let equal texts
 * and equal small objects (a toleration, a mount, a condition) of all the objects be the same one in memory. Objects of
 * one template have half of their contents in common. What an informer holds must not be changed, so nobody sees it.
 */
export function compactor(): <T extends KubeObject>(object: T) => T {
  const texts = new Map<string, string>();
  const parts = new Map<string, object>();
  /** Of the parts that are kept. */
  const numbers = new Map<object, number>();
  let last = 0;

  function text(value: string): string {
    if (value.length < SHORTEST || value.length > LONGEST) return value;
    const known = texts.get(value);
    if (known !== undefined) return known;
    if (texts.size >= KNOWN) texts.clear();
    texts.set(value, value);
    return value;
  }

  /** The one to keep of those that equal a small object or array whose own parts are kept ones. */
  function part(value: object, own: readonly [string, unknown][]): object {
    if (own.length > MOST_FIELDS) return value;
    const key = keyOf(value, own);
    if (key === undefined) return value;
    const known = parts.get(key);
    if (known !== undefined) return known;
    if (parts.size >= KNOWN) {
      parts.clear();
      numbers.clear();
    }
    parts.set(key, value);
    numbers.set(value, ++last);
    return value;
  }

  /** The same text for what is equal alone; undefined where a part is none that is kept. */
  function keyOf(value: object, own: readonly [string, unknown][]): string | undefined {
    const isNested = ([, field]: readonly [string, unknown]): boolean => typeof field === "object" && field !== null;
    if (!own.some(isNested)) return JSON.stringify(value);
    let key = Array.isArray(value) ? "[" : "{";
    for (const each of own) {
      const [name, field] = each;
      const number = isNested(each) ? numbers.get(field as object) : undefined;
      if (number === undefined && isNested(each)) return undefined;
      key += `${JSON.stringify(name)}${number === undefined ? JSON.stringify(field) : `#${number}`}`;
    }
    return key;
  }

  function share(value: object): object {
    const own: [string, unknown][] = Object.entries(value);
    for (const entry of own) {
      const [name, field] = entry;
      // Setting a field of the name __proto__ would set something else.
      if (name === "__proto__") continue;
      // Equal but for its identity: of a text that cannot be told, of an object nobody may change it.
      if (typeof field === "string") entry[1] = text(field);
      else if (typeof field === "object" && field !== null) entry[1] = share(field);
      else continue;
      (value as Record<string, unknown>)[name] = entry[1];
    }
    return part(value, own);
  }

  return <T extends KubeObject>(object: T): T => {
    const kept = withoutManagedFields(object);
    for (const field of Object.values(kept)) if (typeof field === "object" && field !== null) share(field as object);
    return kept;
  };
}
