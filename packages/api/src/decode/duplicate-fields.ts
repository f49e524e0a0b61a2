import { formatPath } from "./context.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Paths of object keys that occur twice in a JSON text, which JSON.parse does not tell. The text must be valid JSON.
 * One pass over the characters.
 */
export function findDuplicateFields(json: string): string[] {
  const found: string[] = [];
  const seen: (Set<string> | undefined)[] = [];
  const path: (string | number)[] = [];
  let index = 0;
  let expectKey = false;
  while (index < json.length) {
    const code = json.charCodeAt(index);
    if (code === QUOTE) {
      const end = endOfString(json, index);
      const keys = seen.at(-1);
      if (expectKey && keys) {
        const raw = json.slice(index + 1, end);
        const key = raw.includes("\\") ? (JSON.parse(json.slice(index, end + 1)) as string) : raw;
        path[seen.length - 1] = key;
        if (keys.has(key)) found.push(formatPath(path));
        else keys.add(key);
        expectKey = false;
      }
      index = end + 1;
      continue;
    }
    if (code === 0x7b) {
      seen.push(new Set());
      expectKey = true;
    } else if (code === 0x5b) {
      seen.push(undefined);
      path[seen.length - 1] = 0;
    } else if (code === 0x7d || code === 0x5d) {
      seen.pop();
      path.length = seen.length;
      expectKey = false;
    } else if (code === 0x2c) {
      const at = path[seen.length - 1];
      if (seen.at(-1)) expectKey = true;
      else if (typeof at === "number") path[seen.length - 1] = at + 1;
    }
    index++;
  }
  return [...new Set(found)];
}

/** Index of the closing quote of the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (end > 0) {
    let slashes = 0;
    while (json.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
    end = json.indexOf('"', end + 1);
  }
  return json.length;
}
