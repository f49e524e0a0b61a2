// Hashes that name things: stable over processes and releases.

/** FNV-1a, 32 bits, over UTF-8. */
export function fnv32a(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** Maps each character into the alphabet of generated names, as upstream's rand.SafeEncodeString. */
export function safeEncode(text: string): string {
  return Array.from(text, (character) => ALPHABET[character.charCodeAt(0) % ALPHABET.length]).join("");
}

/** JSON with sorted keys and without undefined: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each)).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** The pod-template-hash of a template. Upstream hashes Go's memory layout, so the values differ from its; the form is the same. */
export function podTemplateHash(template: unknown, collisionCount?: number): string {
  const hash = fnv32a(canonicalJson(template));
  return safeEncode(String(collisionCount === undefined ? hash : fnv32a(`#${collisionCount}`, hash)));
}
