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
  const leaves = new Map<string, object>();

  function text(value: string): string {
    if (value.length < SHORTEST || value.length > LONGEST) return value;
    const known = texts.get(value);
    if (known !== undefined) return known;
    if (texts.size >= KNOWN) texts.clear();
    texts.set(value, value);
    return value;
  }

  /** The one to keep of those that equal a small object whose fields are no objects; undefined: it is not such a one. */
  function leaf(value: object, own: readonly [string, unknown][]): object {
    if (own.length > MOST_FIELDS || Array.isArray(value)) return value;
    for (const [, field] of own) if (typeof field === "object" && field !== null) return value;
    const key = JSON.stringify(value);
    const known = leaves.get(key);
    if (known !== undefined) return known;
    if (leaves.size >= KNOWN) leaves.clear();
    leaves.set(key, value);
    return value;
  }

  function share(value: object): object {
    const own: [string, unknown][] = Object.entries(value);
    for (const [name, field] of own) {
      let kept = field;
      if (typeof field === "string") kept = text(field);
      else if (typeof field === "object" && field !== null) kept = share(field);
      // Setting a field of the name __proto__ would set something else.
      if (kept === field || name === "__proto__") continue;
      // Equal but for its identity: of a text that cannot be told, of an object nobody may change it.
      (value as Record<string, unknown>)[name] = kept;
    }
    return leaf(value, own);
  }

  return <T extends KubeObject>(object: T): T => {
    const kept = withoutManagedFields(object);
    for (const field of Object.values(kept)) if (typeof field === "object" && field !== null) share(field as object);
    return kept;
  };
}
