export interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Lower-case names of values, where the field has some. */
  readonly names?: ReadonlyMap<string, number>;
}

/** The values a field of a schedule allows. */
export interface Field {
  has(value: number): boolean;
  /** Written as `*` or `?`, without a step: it does not restrict. */
  readonly star: boolean;
}

/** A comma-separated list of ranges: `*`, `?`, `5`, `1-5`, `mon-fri`, each with an optional `/step`. */
export function parseField(text: string, bounds: Bounds): Field {
  const values = new Set<number>();
  let star = false;
  // Empty parts are skipped, as Go's FieldsFunc does.
  for (const part of text.split(",").filter((piece) => piece !== "")) star = parseRange(part, bounds, values) || star;
  return { has: (value) => values.has(value), star };
}

/** Adds the range's values; whether it is an unrestricting star. */
function parseRange(text: string, bounds: Bounds, values: Set<number>): boolean {
  const [range = "", stepText, ...moreSteps] = text.split("/");
  const [low = "", high, ...moreHyphens] = range.split("-");
  const single = high === undefined;
  let start: number;
  let end: number;
  let star = false;
  if (low === "*" || low === "?") {
    start = bounds.min;
    end = bounds.max;
    star = true;
  } else {
    start = parseValue(low, bounds);
    if (moreHyphens.length > 0) throw new Error(`too many hyphens: ${text}`);
    end = single ? start : parseValue(high, bounds);
  }
  if (moreSteps.length > 0) throw new Error(`too many slashes: ${text}`);
  let step = 1;
  if (stepText !== undefined) {
    step = parseNumber(stepText);
    if (single) end = bounds.max; // "N/step" means from N on
    if (step > 1) star = false;
  }
  if (start < bounds.min) throw new Error(`beginning of range (${start}) below minimum (${bounds.min}): ${text}`);
  if (end > bounds.max) throw new Error(`end of range (${end}) above maximum (${bounds.max}): ${text}`);
  if (start > end) throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw new Error(`step of range should be a positive number: ${text}`);
  for (let value = start; value <= end; value += step) values.add(value);
  return star;
}

function parseValue(text: string, bounds: Bounds): number {
  return bounds.names?.get(text.toLowerCase()) ?? parseNumber(text);
}

function parseNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const value = Number(text);
  if (value < 0) throw new Error(`negative number (${value}) not allowed: ${text}`);
  return value;
}
