const SIMPLE: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };
const ESCAPE = /\\(?:([abfnrtv"'\\?`])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[xX]([0-9a-fA-F]{2})|([0-3][0-7]{2}))/g;

function replaceEscapes(body: string, codePoint: (code: number, isByte: boolean) => string): string {
  return body
    .replaceAll("\r\n", "\n")
    .replaceAll("\r", "\n")
    .replaceAll(ESCAPE, (_all, plain?: string, u4?: string, u8?: string, hex?: string, octal?: string) => {
      if (plain !== undefined) return String.fromCharCode(SIMPLE[plain] ?? plain.charCodeAt(0));
      if (hex !== undefined) return codePoint(Number.parseInt(hex, 16), true);
      if (octal !== undefined) return codePoint(Number.parseInt(octal, 8), true);
      return codePoint(Number.parseInt(u4 ?? u8 ?? "", 16), false);
    });
}

/** The text that a quoted string means. */
export function decodeString(body: string): string {
  return replaceEscapes(body, (code) => {
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new Error("invalid unicode code point");
    return String.fromCodePoint(code);
  });
}

/** The bytes that a quoted bytes literal means: escapes are bytes, everything else is UTF-8. */
export function decodeBytes(body: string): Uint8Array {
  // One character a byte; what is not an escape is encoded first.
  const utf8 = Buffer.from(body, "utf8").toString("latin1");
  const bytes = replaceEscapes(utf8, (code, isByte) => {
    if (!isByte) throw new Error("unable to unescape string");
    return String.fromCharCode(code);
  });
  return new Uint8Array(Buffer.from(bytes, "latin1"));
}
