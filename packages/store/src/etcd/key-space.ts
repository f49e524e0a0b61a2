// Where the store's keys lie in an etcd that others may use too (upstream's --etcd-prefix).

/** Every key there is: from the zero byte on. */
export const EVERY_KEY = { key: Buffer.of(0), rangeEnd: Buffer.of(0) } as const;

export class KeySpace {
  readonly #own: string;
  readonly #stored: string;

  /** Keys that begin with `own` are kept under `stored` instead; all others as they are. */
  constructor(own = "", stored: string = own) {
    this.#own = own;
    this.#stored = stored;
  }

  encode(key: string): Buffer {
    return Buffer.from(key.startsWith(this.#own) ? this.#stored + key.slice(this.#own.length) : key);
  }

  /** The store's name of a key; undefined when it is somebody else's. */
  decode(bytes: Uint8Array): string | undefined {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    if (this.#own === this.#stored) return text;
    if (text.startsWith(this.#stored)) return this.#own + text.slice(this.#stored.length);
    return text.startsWith(this.#own) ? undefined : text;
  }

  /** Keys with a prefix, after `start` when it is given. */
  range(prefix: string, start?: string): { key: Buffer; rangeEnd: Buffer } {
    const from = this.encode(prefix);
    const rangeEnd = endOf(from);
    if (start === undefined || start < prefix) return { key: from.length === 0 ? EVERY_KEY.key : from, rangeEnd };
    return { key: Buffer.concat([this.encode(start), Buffer.of(0)]), rangeEnd };
  }
}

/** The first key that does not begin with `prefix`; the zero byte means that there is none. */
function endOf(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    const byte = end[i] ?? 0;
    if (byte === 0xff) continue;
    end[i] = byte + 1;
    return end.subarray(0, i + 1);
  }
  return EVERY_KEY.rangeEnd;
}
