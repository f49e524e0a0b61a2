// The table in the kernel: what is known of it, and transactions that make it what is wanted.
import type { Clock, Logger } from "@knots/machinery";
import type { Ruleset } from "./ruleset.ts";
import type { Runner, RunResult } from "./run.ts";
import { parseListing, staleChains, TABLE, transition, type Known } from "./script.ts";

/** After so long a chain that was emptied is no longer referred to, on kernels before 6.2 too. */
const STALE_MS = 1_000;

export class KernelTable {
  readonly #run: Runner;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #known: Known | undefined;
  /** A transaction on top of what was listed failed: replace everything, affinities included. */
  #replace = false;
  /** Empty chains, and since when. */
  readonly #stale = new Map<string, number>();

  constructor(options: { readonly run: Runner; readonly clock: Clock; readonly logger: Logger }) {
    this.#run = options.run;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Makes the table `want`, whole or not at all; throws with nft's words when it could not. */
  async apply(want: Ruleset): Promise<void> {
    const wasKnown = this.#known !== undefined;
    const have = this.#known ?? (this.#replace ? undefined : await this.#list());
    const script = transition(have, want);
    try {
      if (script !== "") await this.#nft(["-f", "-"], script);
    } catch (error) {
      this.#known = undefined;
      this.#replace = !wasKnown;
      throw error;
    }
    this.#known = want;
    this.#replace = false;
    if (have === undefined) this.#stale.clear();
    for (const name of want.chains.keys()) this.#stale.delete(name);
    for (const name of staleChains(have, want)) this.#stale.set(name, this.#clock.monotonic());
    await this.#sweep();
  }

  /** Looks whether the table is still there; false when somebody took it (`nft flush ruleset`), and the next apply writes it whole. */
  async check(): Promise<boolean> {
    await this.#sweep();
    const { stdout } = await this.#nft(["list", "tables", "ip"]);
    if (stdout.split("\n").includes(`table ${TABLE}`)) return true;
    this.#known = undefined;
    this.#stale.clear();
    return false;
  }

  async #list(): Promise<Known | undefined> {
    const result = await this.#run("nft", ["--json", "--terse", "list", "table", ...TABLE.split(" ")]);
    if (result.code === 0) return parseListing(result.stdout);
    if (result.stderr.includes("No such file or directory")) return undefined;
    throw refused(result);
  }

  async #sweep(): Promise<void> {
    const limit = this.#clock.monotonic() - STALE_MS;
    const due = [...this.#stale].flatMap(([name, since]) => (since <= limit ? [name] : []));
    if (due.length === 0) return;
    for (const name of due) this.#stale.delete(name);
    const result = await this.#run("nft", ["-f", "-"], due.map((name) => `delete chain ${TABLE} ${name}\n`).join(""));
    // Empty chains harm nobody; a listing finds them again.
    if (result.code !== 0) this.#logger.warn({ error: refused(result).message }, "empty chains could not be deleted");
  }

  async #nft(args: readonly string[], input?: string): Promise<RunResult> {
    const result = await this.#run("nft", args, input);
    if (result.code !== 0) throw refused(result);
    return result;
  }

  /** Removes the table; nothing happens where there is none. */
  static async remove(run: Runner): Promise<void> {
    const result = await run("nft", ["-f", "-"], `add table ${TABLE}\ndelete table ${TABLE}\n`);
    if (result.code !== 0) throw refused(result);
  }
}

/** nft repeats the script under each complaint: the first lines say what is wrong. */
function refused({ stderr }: RunResult): Error {
  return new Error(`nft: ${stderr.trim().split("\n").slice(0, 3).join(" ").slice(0, 500)}`);
}
