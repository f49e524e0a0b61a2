// How Go writes JSON (json.Encoder), which is how clients of the API see it.
const encoder = new TextEncoder();

/** What Go writes as \u003c and so on, so that JSON within HTML or a script stays what it is. */
const ESCAPED = /[<>&\u2028\u2029]/g;

/** A JSON text as a line of its own, which is what an answer, a watch event and a cached object is. */
export function encodeLine(json: string): Uint8Array {
  return encoder.encode(`${escapeJson(json)}\n`);
}

/** A JSON text with the characters escaped that Go escapes; outside of strings there is none of them. */
export function escapeJson(json: string): string {
  // Five searches for one character cost a fraction of one with an expression, and hardly any object has one of them.
  const plain =
    !json.includes("<") &&
    !json.includes(">") &&
    !json.includes("&") &&
    !json.includes("\u2028") &&
    !json.includes("\u2029");
  return plain ? json : json.replace(ESCAPED, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
