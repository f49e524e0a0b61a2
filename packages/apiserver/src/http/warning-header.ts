/**
 * The value of a Warning header, RFC 7234; undefined for a text that cannot stand in one (control characters, as
 * upstream's NewWarningHeader has it). Node takes header values for Latin-1: the bytes of UTF-8 pass unchanged so.
 */
export function warningHeader(text: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (text === "" || /[\u0000-\u001f\u007f-\u009f]/.test(text)) return undefined;
  const quoted = text.replace(/["\\]/g, "\\$&");
  return `299 - "${Buffer.from(quoted, "utf8").toString("latin1")}"`;
}

/** All warnings of an answer together may be this long before each is cut to its first part. */
const MAX_TOTAL_BYTES = 4096;
const MAX_ONE_BYTES = 256;

/** The warnings of one answer as header values. */
export function warningHeaders(texts: readonly string[]): string[] {
  const total = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const shown = total > MAX_TOTAL_BYTES ? texts.map((text) => truncate(text)) : texts;
  let left = MAX_TOTAL_BYTES;
  return shown.flatMap((text) => {
    left -= Buffer.byteLength(text);
    const value = left < 0 ? undefined : warningHeader(text);
    return value === undefined ? [] : [value];
  });
}

/** At a character's border. */
function truncate(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_ONE_BYTES) return text;
  return bytes.toString("utf8", 0, MAX_ONE_BYTES).replace(/\ufffd+$/, "");
}
