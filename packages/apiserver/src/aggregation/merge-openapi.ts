type Json = Readonly<Record<string, unknown>>;

/**
 * Adds an extension server's part to an OpenAPI v2 document. A definition that is there already under its name, and is
 * not the same, gets another name (upstream: MergeSpecsIgnorePathConflictRenamingDefinitionsAndParameters).
 */
export function mergeDefinitions(
  into: { readonly definitions: Record<string, unknown>; readonly paths: Record<string, unknown> },
  part: { readonly definitions: Json; readonly paths: Json },
): void {
  const renamed = new Map<string, string>();
  for (const [name, definition] of Object.entries(part.definitions)) {
    const present = into.definitions[name];
    if (present === undefined || JSON.stringify(present) === JSON.stringify(definition)) continue;
    let count = 2;
    while (into.definitions[`${name}_v${count}`] !== undefined) count++;
    renamed.set(`#/definitions/${name}`, `#/definitions/${name}_v${count}`);
  }
  for (const [name, definition] of Object.entries(part.definitions)) {
    const name2 = renamed.get(`#/definitions/${name}`)?.slice("#/definitions/".length) ?? name;
    into.definitions[name2] = withReferences(definition, renamed);
  }
  for (const [path, item] of Object.entries(part.paths)) into.paths[path] ??= withReferences(item, renamed);
}

function withReferences(value: unknown, renamed: ReadonlyMap<string, string>): unknown {
  if (renamed.size === 0) return value;
  if (Array.isArray(value)) return value.map((item) => withReferences(item, renamed));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string" ? (renamed.get(inner) ?? inner) : withReferences(inner, renamed),
    ]),
  );
}
