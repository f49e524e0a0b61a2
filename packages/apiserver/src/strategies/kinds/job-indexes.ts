// Lists of indexes of Indexed Jobs: "1,3-5".

/** The first and the last index of an interval; a string is why it is none. */
function parseInterval(text: string, completions: number): readonly [first: number, last: number] | string {
  const limits = text.split("-");
  if (limits.length > 2)
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  for (const limit of limits) {
    if (!/^[+]?\d+$/.test(limit)) return `cannot convert string to integer for index: ${JSON.stringify(limit)}`;
    if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`;
  }
  const [start = 0, end = start] = limits.map(Number);
  if (limits.length > 1 && start >= end) return `non-increasing order, previous: ${start}, current: ${end}`;
  return [start, end];
}

/** How many indexes a list names; a string is why it is none. */
export function countIndexes(text: string, completions: number): number | string {
  if (text === "") return 0;
  let total = 0;
  let previous = -1;
  for (const part of text.split(",")) {
    const interval = parseInterval(part, completions);
    if (typeof interval === "string") return interval;
    const [first, last] = interval;
    if (previous >= first) return `non-increasing order, previous: ${previous}, current: ${first}`;
    total += last - first + 1;
    previous = last;
  }
  return total;
}

/** An index that both lists name, as one walk along both finds it; intervals that are none are for others to tell of. */
export function commonIndex(one: string, other: string, completions: number): number | undefined {
  const intervals = (text: string) =>
    text === ""
      ? []
      : text
          .split(",")
          .map((part) => parseInterval(part, completions))
          .filter((interval) => typeof interval !== "string");
  const [left, right] = [intervals(one), intervals(other)];
  for (let i = 0, j = 0; ;) {
    const [a, b] = [left[i], right[j]];
    if (a === undefined || b === undefined) return undefined;
    if (a[0] <= b[1] && b[0] <= a[1]) return Math.max(a[0], b[0]);
    if (a[0] <= b[0]) i++;
    else j++;
  }
}
