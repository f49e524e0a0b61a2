import type { Random } from "./random.ts";
import { anyValue, KEYS, NUMBERS, set, STRINGS } from "./values.ts";

interface Place {
  readonly parent: object;
  readonly key: string | number;
}

/** Every place of a value that something can be put in the place of. */
function places(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push({ parent: value, key });
    places((value as Record<string, unknown>)[key], found);
  }
  return found;
}

/** A copy of a JSON value with a few things wrong with it. */
export function mutateJson(random: Random, value: unknown): unknown {
  const root = { value: structuredClone(value) };
  for (let left = 1 + random.below(3); left > 0; left--) mutateOnce(random, root);
  return root.value;
}

function mutateOnce(random: Random, root: { value: unknown }): void {
  const { parent, key } = random.pick(places(root));
  const current = (parent as Record<string | number, unknown>)[key];
  switch (random.below(10)) {
    case 0:
      if (parent === root) root.value = {};
      else remove(parent, key);
      return;
    case 1:
      set(parent, key, null);
      return;
    case 2:
      set(parent, key, anyValue(random));
      return;
    case 3:
      if (typeof current === "object" && current !== null && !Array.isArray(current))
        set(current, random.pick(KEYS), anyValue(random));
      else set(parent, key, random.pick(STRINGS));
      return;
    case 4:
      if (Array.isArray(current) && current.length > 0) current.push(structuredClone(random.pick(current)));
      else set(parent, key, [current]);
      return;
    case 5:
      set(parent, key, { [random.pick(["name", "value", "a"])]: current });
      return;
    case 6:
      set(parent, key, nearby(random, current));
      return;
    case 7: {
      // A copy of another part in this one's place.
      const other = random.pick(places(root));
      const copy = structuredClone((other.parent as Record<string | number, unknown>)[other.key]);
      set(parent, key, copy);
      return;
    }
    case 8:
      set(parent, key, typeof current === "number" ? String(current) : Number(JSON.stringify(current)));
      return;
    default:
      set(parent, key, typeof current === "string" ? random.pick(STRINGS) : random.pick(NUMBERS));
  }
}

function remove(parent: object, key: string | number): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete (parent as Record<string | number, unknown>)[key];
}

/** Something of the same type that is a little different. */
function nearby(random: Random, value: unknown): unknown {
  if (typeof value === "number") return random.pick([value + 1, value - 1, -value, value / 2, value * 2 ** 40]);
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return value;
  return random.pick([
    value.toUpperCase(),
    `${value} `,
    `${value}.`,
    `-${value}`,
    value.slice(1),
    value + value,
    `${value}/${value}`,
    value.repeat(50).slice(0, 254),
  ]);
}
