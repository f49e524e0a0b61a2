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

/**
 * The warnings of one answer. Past the limit of all together each is cut to its first part, and those that fit are shown;
 * what comes after is not even kept, so a body that deserves a hundred thousand warnings costs no more than one with ten.
 */
export class Warnings {
  readonly #texts = new Set<string>();
  #total = 0;
  #values: string[] = [];
  #left = MAX_TOTAL_BYTES;

  /** The header's values if this text made them others; each is told once. */
  add(text: string): readonly string[] | undefined {
    if (this.#left < 0 || this.#texts.has(text)) return undefined;
    this.#texts.add(text);
    const before = this.#total;
    this.#total += Buffer.byteLength(text);
    if (this.#total <= MAX_TOTAL_BYTES) this.#show(text);
    else if (before > MAX_TOTAL_BYTES) this.#show(truncate(text));
    else {
      this.#values = [];
      this.#left = MAX_TOTAL_BYTES;
      for (const each of this.#texts) this.#show(truncate(each));
    }
    return this.#values;
  }

  #show(text: string): void {
    this.#left -= Buffer.byteLength(text);
    const value = this.#left < 0 ? undefined : warningHeader(text);
    if (value !== undefined) this.#values.push(value);
  }
}

/** At a character's border. */
function truncate(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_ONE_BYTES) return text;
  return bytes.toString("utf8", 0, MAX_ONE_BYTES).replace(/\ufffd+$/, "");
}
