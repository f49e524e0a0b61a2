// From what the kernel has to one ruleset, as one nft script: one transaction that changes only what differs.
import type { Ruleset } from "./ruleset.ts";

export const TABLE = "ip kube-proxy";

/** What is known of the table in the kernel. A Ruleset is one that is known whole; a listing tells names, but neither rules nor elements. */
export interface Known {
  readonly chains: ReadonlyMap<string, { readonly rules: readonly string[] | undefined }>;
  /** Undefined: nothing we would declare. */
  readonly sets: ReadonlyMap<string, string | undefined>;
  readonly maps: ReadonlyMap<string, { readonly elements: ReadonlyMap<string, string> | undefined }>;
}

/**
 * The script's text, empty when nothing differs. `have` undefined: whatever is there is replaced.
 * Chains that nobody wants any more are left empty: kernels before 6.2 refuse to delete what a rule or element of the same
 * transaction has only just let go, and with it all else. See staleChains. Pure.
 */
export function transition(have: Known | undefined, want: Ruleset): string {
  const lines: string[] = [];
  if (have === undefined) lines.push(`add table ${TABLE}`, `delete table ${TABLE}`, `add table ${TABLE}`);
  // Declarations first: rules and elements refer to them. One that another version made differently is refused here.
  for (const [name, { head }] of want.chains) {
    if (have?.chains.get(name)?.rules !== undefined) continue;
    lines.push(head === "" ? `add chain ${TABLE} ${name}` : `add chain ${TABLE} ${name} { ${head} }`);
  }
  for (const [name, head] of want.sets) {
    const old = have?.sets.get(name);
    if (old === head) continue;
    // A new time-out needs a new set; rules that use it are flushed before.
    if (have?.sets.has(name) === true) lines.push(...flushUsers(have, name), `delete set ${TABLE} ${name}`);
    lines.push(`add set ${TABLE} ${name} { ${head} }`);
  }
  for (const [name, { head }] of want.maps) {
    const old = have?.maps.get(name);
    if (old?.elements !== undefined) continue;
    const kind = head.includes("verdict") ? "map" : "set";
    lines.push(`add ${kind} ${TABLE} ${name} { ${head}; }`);
    if (old !== undefined) lines.push(`flush ${kind} ${TABLE} ${name}`);
  }
  const renewed = renewedSets(have, want);
  for (const [name, { rules }] of want.chains) {
    const old = have?.chains.get(name);
    const usesRenewed = rules.some((rule) => renewed.some((set) => rule.includes(`@${set} `)));
    if (old?.rules !== undefined && same(old.rules, rules) && !usesRenewed) continue;
    if (old !== undefined) lines.push(`flush chain ${TABLE} ${name}`);
    for (const rule of rules) lines.push(`add rule ${TABLE} ${name} ${rule}`);
  }
  lines.push(...elements(have, want));
  for (const name of staleChains(have, want)) {
    const rules = have?.chains.get(name)?.rules;
    if (rules === undefined || rules.length > 0) lines.push(`flush chain ${TABLE} ${name}`);
  }
  for (const name of have?.sets.keys() ?? []) if (!want.sets.has(name)) lines.push(`delete set ${TABLE} ${name}`);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** The chains that nothing leads to after the transition: to be deleted a moment later. Pure. */
export function staleChains(have: Known | undefined, want: Ruleset): string[] {
  return [...(have?.chains.keys() ?? [])].filter((name) => !want.chains.has(name));
}

interface Listing {
  readonly nftables: readonly {
    readonly chain?: { readonly name: string };
    readonly set?: { readonly name: string; readonly timeout?: number };
    readonly map?: { readonly name: string };
  }[];
}

/** Reads `nft --json --terse list table`; affinity sets keep their members when the next ruleset wants them as they are. Pure. */
export function parseListing(json: string): Known {
  const chains = new Map<string, { rules: undefined }>();
  const sets = new Map<string, string | undefined>();
  const maps = new Map<string, { elements: undefined }>();
  for (const { chain, set, map } of (JSON.parse(json) as Listing).nftables) {
    if (chain !== undefined) chains.set(chain.name, { rules: undefined });
    if (map !== undefined) maps.set(map.name, { elements: undefined });
    if (set === undefined) continue;
    if (set.timeout === undefined) maps.set(set.name, { elements: undefined });
    else sets.set(set.name, affinitySet(set.timeout));
  }
  return { chains, sets, maps };
}

/** The declaration of a set of clients, each forgotten after so many seconds. "dynamic" must be said, for rules put members in. */
export function affinitySet(timeoutSeconds: number): string {
  return `type ipv4_addr; flags dynamic,timeout; timeout ${timeoutSeconds}s;`;
}

function elements(have: Known | undefined, want: Ruleset): string[] {
  const remove: string[] = [];
  const add: string[] = [];
  for (const [name, { elements: wanted }] of want.maps) {
    const old = have?.maps.get(name)?.elements ?? new Map<string, string>();
    const leaving = [...old].flatMap(([key, value]) => (wanted.get(key) === value ? [] : [item(key, value)]));
    const coming = [...wanted].flatMap(([key, value]) => (old.get(key) === value ? [] : [item(key, value)]));
    if (leaving.length > 0) remove.push(`delete element ${TABLE} ${name} { ${leaving.join(", ")} }`);
    if (coming.length > 0) add.push(`add element ${TABLE} ${name} { ${coming.join(", ")} }`);
  }
  return [...remove, ...add];
}

function item(key: string, value: string): string {
  return value === "" ? key : `${key} : ${value}`;
}

function renewedSets(have: Known | undefined, want: Ruleset): string[] {
  return [...want.sets].flatMap(([name, head]) =>
    have?.sets.has(name) === true && have.sets.get(name) !== head ? [name] : [],
  );
}

function flushUsers(have: Known, set: string): string[] {
  return [...have.chains].flatMap(([name, { rules }]) =>
    rules === undefined || rules.some((rule) => rule.includes(`@${set} `)) ? [`flush chain ${TABLE} ${name}`] : [],
  );
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}
