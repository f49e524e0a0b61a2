import { IpRange } from "./ip-range.ts";
import { Pool } from "./pool.ts";

interface Range {
  readonly range: IpRange;
  readonly pool: Pool;
}

/**
 * The ranges that cluster IPs come from: the server's own, and those of ServiceCIDR objects (KEP-1880). They may overlap:
 * an address that lies in several is in use in each.
 */
export class AddressRanges {
  readonly #own: Range;
  /** By CIDR. */
  readonly #more = new Map<string, Range>();
  /** Pool numbers, by pool and address, of every address that was given out or asked for. */
  readonly #offsets = new WeakMap<Pool, Map<string, number>>();

  /** Throws on text that is no CIDR. */
  constructor(cidr: string) {
    this.#own = newRange(cidr);
  }

  get family(): "IPv4" | "IPv6" {
    return this.#own.range.family;
  }

  /** The first address of the server's own range. */
  get first(): string {
    return this.#own.range.at(0);
  }

  /** As messages name them. */
  toString(): string {
    return this.#all()
      .map(({ range }) => range.cidr)
      .join(", ");
  }

  contains(ip: string): boolean {
    return this.#all().some(({ range }) => range.contains(ip));
  }

  /** Takes the extra ranges to be these, each once; `used` are the addresses that are in use. */
  set(cidrs: Iterable<string>, used: () => Iterable<string>): void {
    const wanted = new Set(cidrs);
    wanted.delete(this.#own.range.cidr);
    for (const cidr of this.#more.keys()) if (!wanted.has(cidr)) this.#more.delete(cidr);
    for (const cidr of wanted) {
      if (this.#more.has(cidr)) continue;
      const added = newRange(cidr);
      if (added.range.family !== this.family) continue;
      for (const ip of used()) this.#in(added, ip, (offset) => added.pool.use(offset));
      this.#more.set(cidr, added);
    }
  }

  /** An object that holds the address has appeared, or has gone. */
  count(ip: string, by: 1 | -1): void {
    for (const each of this.#all())
      this.#in(each, ip, (offset) => (by === 1 ? each.pool.use(offset) : each.pool.drop(offset)));
  }

  /** Why the address cannot be reserved; undefined when it has been. */
  reserve(ip: string): "taken" | "outside" | undefined {
    const within = this.#all().flatMap((each) => this.#in(each, ip, (offset) => [{ pool: each.pool, offset }]) ?? []);
    if (within.length === 0) return "outside";
    if (within.some(({ pool, offset }) => pool.isTaken(offset))) return "taken";
    for (const { pool, offset } of within) pool.reserve(offset);
    return undefined;
  }

  release(ip: string): void {
    for (const each of this.#all()) this.#in(each, ip, (offset) => each.pool.release(offset));
  }

  /**
   * A free address that `claim` got in the store, reserved; undefined when there is none. Those that it did not get are
   * free again here: others' objects will tell of them.
   */
  async reserveAny(claim: (ip: string) => Promise<boolean>): Promise<string | undefined> {
    const refused: string[] = [];
    try {
      for (const { range, pool } of this.#all()) {
        for (;;) {
          const offset = pool.reserveAny();
          if (offset === undefined) break;
          const ip = range.at(offset);
          pool.release(offset);
          if (this.reserve(ip) !== undefined) {
            // Taken in an overlapping range alone: out of the way until the search is over.
            pool.reserve(offset);
            refused.push(ip);
            continue;
          }
          refused.push(ip);
          if (!(await claim(ip))) continue;
          refused.pop();
          return ip;
        }
      }
      return undefined;
    } finally {
      for (const ip of refused) this.release(ip);
    }
  }

  #all(): Range[] {
    return [this.#own, ...this.#more.values()];
  }

  /** What `then` makes of the address's pool number; undefined outside the usable range. */
  #in<T>({ range, pool }: Range, ip: string, then: (offset: number) => T): T | undefined {
    let known = this.#offsets.get(pool);
    if (known === undefined) this.#offsets.set(pool, (known = new Map()));
    let offset = known.get(ip);
    if (offset === undefined) {
      if (!range.contains(ip)) return undefined;
      offset = range.offsetOf(ip);
      if (offset < 0 || offset >= range.size) return undefined;
      known.set(ip, offset);
    }
    return then(offset);
  }
}

function newRange(cidr: string): Range {
  const range = new IpRange(cidr);
  return { range, pool: new Pool(range.size) };
}
