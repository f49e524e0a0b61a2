// Headers that say who somebody is: several lines of one name, whose values may hold anything.

/** Values by lower-case name, one a line: Node joins lines of one name, and a value may hold what it joins with. */
export function linesOf(raw: readonly string[]): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const value = raw[i + 1] ?? "";
    if (value === "") continue;
    const found = lines.get(name);
    if (found === undefined) lines.set(name, [value]);
    else found.push(value);
  }
  return lines;
}

/** What headers that begin with one of the prefixes say, by the rest of their names; no key is like any other, whatever its name. */
export function extrasOf(
  lines: ReadonlyMap<string, readonly string[]>,
  prefixes: readonly string[],
): Record<string, string[]> {
  const found = new Map<string, string[]>();
  for (const prefix of prefixes) {
    const lower = prefix.toLowerCase();
    for (const [name, values] of lines) {
      if (!name.startsWith(lower) || name.length === lower.length) continue;
      const key = unescapeKey(name.slice(lower.length));
      found.set(key, [...(found.get(key) ?? []), ...values]);
    }
  }
  return Object.fromEntries(found);
}

/** The key that ends a header's name: it is escaped, for it may hold what no name may. */
function unescapeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not escaped by our rules: taken as it is, as upstream does.
    return text;
  }
}
