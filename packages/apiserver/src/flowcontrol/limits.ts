// How the server's concurrency is shared among priority levels, and lent from one to another. Pure arithmetic.
import type { PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";

export interface Limits {
  readonly nominal: number;
  /** Seats that are never lent. */
  readonly min: number;
  /** Seats with everything borrowed that may be. */
  readonly max: number;
}

export interface Shares {
  readonly name: string;
  readonly exempt: boolean;
  readonly shares: number;
  readonly lendablePercent: number;
  /** Undefined: no limit. */
  readonly borrowingLimitPercent: number | undefined;
}

export function sharesOf(configuration: PriorityLevelConfiguration): Shares {
  const name = configuration.metadata?.name ?? "";
  const { type, limited, exempt } = configuration.spec ?? { type: "Limited" };
  if (type === "Exempt") {
    return {
      name,
      exempt: true,
      shares: exempt?.nominalConcurrencyShares ?? 0,
      lendablePercent: exempt?.lendablePercent ?? 0,
      borrowingLimitPercent: undefined,
    };
  }
  return {
    name,
    exempt: false,
    shares: limited?.nominalConcurrencyShares ?? 30,
    lendablePercent: limited?.lendablePercent ?? 0,
    borrowingLimitPercent: limited?.borrowingLimitPercent,
  };
}

/** NominalCL = ⌈ServerCL · shares / sum of shares⌉ and what follows from it, by name of the level. */
export function computeLimits(levels: readonly Shares[], serverLimit: number): Map<string, Limits> {
  const sum = levels.reduce((total, { shares }) => total + shares, 0);
  return new Map(
    levels.map(({ name, shares, lendablePercent, borrowingLimitPercent }) => {
      const nominal = sum === 0 ? 0 : Math.ceil((serverLimit * shares) / sum);
      const lendable = Math.round((nominal * lendablePercent) / 100);
      const borrowing =
        borrowingLimitPercent === undefined ? serverLimit : Math.round((nominal * borrowingLimitPercent) / 100);
      return [name, { nominal, min: nominal - lendable, max: nominal + borrowing }];
    }),
  );
}

/** One level's demand over the last period. */
export interface Demand extends Limits {
  readonly exempt: boolean;
  /** High watermark. */
  readonly high: number;
  readonly smoothed: number;
}

export interface Allocation {
  readonly current: number;
  readonly target: number;
}

/** Halvings of the search for the fair proportion: far below one seat. */
const STEPS = 50;

/**
 * CurrentCL of each level: as much as it used of its own, never less than what it does not lend, and of the rest a
 * part in proportion to its demand. In the order given; `fairFraction` is the proportion found.
 */
export function allocate(
  demands: readonly Demand[],
  serverLimit: number,
): { readonly allocations: readonly Allocation[]; readonly fairFraction: number } {
  const least = demands.map(({ exempt, min, nominal, high }) => Math.max(min, exempt ? high : Math.min(nominal, high)));
  const targets = demands.map(({ smoothed }, i) => Math.max(least[i] ?? 0, smoothed));
  let remaining = serverLimit;
  demands.forEach(({ exempt }, i) => {
    if (exempt) remaining -= least[i] ?? 0;
  });
  remaining = Math.max(0, remaining);
  const at = (fraction: number): number[] =>
    demands.map(({ exempt, max }, i) =>
      exempt ? (least[i] ?? 0) : Math.min(max, Math.max(least[i] ?? 0, fraction * (targets[i] ?? 0))),
    );
  const total = (fraction: number): number =>
    at(fraction).reduce((sum, seats, i) => (demands[i]?.exempt === true ? sum : sum + seats), 0);
  let low = 0;
  let high = 1;
  if (total(0) < remaining && targets.some((target, i) => target > 0 && demands[i]?.exempt === false)) {
    for (let i = 0; i < STEPS && total(high) < remaining; i++) high *= 2;
    for (let i = 0; i < STEPS; i++) {
      const middle = (low + high) / 2;
      if (total(middle) <= remaining) low = middle;
      else high = middle;
    }
  }
  return {
    fairFraction: low,
    allocations: at(low).map((seats, i) => ({ current: Math.round(seats), target: targets[i] ?? 0 })),
  };
}
