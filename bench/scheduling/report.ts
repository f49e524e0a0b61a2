// One line a figure: best and median, the bar, and what it is compared with.

export interface Summary {
  readonly best: number;
  readonly median: number;
  readonly unit: string;
}

/** `better`: whether the most or the least of the values is the best. */
export function summarize(values: readonly number[], unit: string, better: "most" | "least"): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const best = (better === "most" ? sorted.at(-1) : sorted[0]) ?? NaN;
  return { best, median: sorted[Math.floor(sorted.length / 2)] ?? NaN, unit };
}

export interface Line extends Summary {
  readonly what: string;
  readonly bar: string;
  /** Says how the median compares. */
  readonly reference: (median: number) => string;
}

const digits = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(0));

export function print({ what, best, median, unit, bar, reference }: Line): void {
  const figures = `median ${digits(median)} best ${digits(best)} ${unit}`;
  console.log(`${what.padEnd(48)} ${figures.padEnd(36)} bar ${bar.padEnd(8)} ${reference(median)}`);
}
