import type { KubeObject } from "@knots/machinery";

/** One column of a kind's table, and how its cell is made. */
export interface Column<T extends KubeObject = KubeObject> {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "number" | "date";
  readonly format: string;
  readonly description: string;
  /** 0: always shown; above: with -o wide only. */
  readonly priority: number;
  /** `now` in milliseconds since the epoch. */
  cell(object: T, now: number): unknown;
}

/** A table of one kind. */
export interface TableKind<T extends KubeObject = KubeObject> {
  readonly columns: readonly Column<T>[];
  /** Marks rows that are finished (kubectl shows them dimmed or hides them). */
  conditions?(object: T): readonly object[] | undefined;
}

interface ColumnExtras {
  readonly type?: Column["type"];
  readonly format?: string;
  readonly wide?: boolean;
  readonly description?: string;
}

export function column<T extends KubeObject>(
  name: string,
  cell: (object: T, now: number) => unknown,
  extras: ColumnExtras = {},
): Column<T> {
  return {
    name,
    type: extras.type ?? "string",
    format: extras.format ?? "",
    description: extras.description ?? name,
    priority: extras.wide === true ? 1 : 0,
    cell,
  };
}

export function integer<T extends KubeObject>(
  name: string,
  cell: (object: T) => number | undefined,
  wide = false,
): Column<T> {
  return column<T>(name, (object) => cell(object) ?? 0, { type: "integer", wide });
}

export function wide<T extends KubeObject>(name: string, cell: (object: T, now: number) => unknown): Column<T> {
  return column<T>(name, cell, { wide: true });
}

/** The name column that every table begins with. */
export const NAME: Column = column("Name", (object) => object.metadata?.name ?? "", {
  format: "name",
  description: "Name must be unique within a namespace and identifies the object.",
});

export const AGE: Column = column("Age", (object, now) => age(object.metadata?.creationTimestamp, now), {
  description: "Time since the object was created.",
});

export const CREATED_AT: Column = column("Created At", (object) => object.metadata?.creationTimestamp ?? "", {
  description: "When the object was created.",
});

/** Time since an RFC 3339 timestamp as kubectl words it; "<unknown>" without one. */
export function age(timestamp: string | null | undefined, now: number): string {
  if (timestamp === undefined || timestamp === null || timestamp === "") return "<unknown>";
  return humanDuration(now - Date.parse(timestamp));
}

/** A duration in milliseconds as upstream's HumanDuration: about two significant units. */
export function humanDuration(milliseconds: number): string {
  // One second of a future clock is forgiven, as upstream.
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return withRest(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return withRest(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  if (hours < 24 * 8) return withRest(Math.trunc(hours / 24), "d", hours % 24, "h");
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24)}d`;
  if (hours < 24 * 365 * 8) return withRest(Math.trunc(hours / 24 / 365), "y", Math.trunc(hours / 24) % 365, "d");
  return `${Math.trunc(hours / 24 / 365)}y`;
}

function withRest(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** "a=b,c=d", or <none>. */
export function labelText(labels: Record<string, string> | undefined): string {
  const text = Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
  return text === "" ? "<none>" : text;
}

/** So many items of a list are shown. */
export const MOST_SHOWN = 3;

/** The first three, and how many more; `count`: of how many they are the first. */
export function listWithMore(items: readonly string[], empty: string, count = items.length): string {
  if (count === 0) return empty;
  const shown = items.slice(0, MOST_SHOWN).join(",");
  return count > MOST_SHOWN ? `${shown} + ${count - MOST_SHOWN} more...` : shown;
}

export function containerNames(spec: { containers?: readonly { name?: string }[] } | undefined): string {
  return (spec?.containers ?? []).map((container) => container.name ?? "").join(",");
}

export function containerImages(spec: { containers?: readonly { image?: string }[] } | undefined): string {
  return (spec?.containers ?? []).map((container) => container.image ?? "").join(",");
}

export function boolText(value: boolean | undefined): string {
  if (value === undefined) return "<unset>";
  return value ? "True" : "False";
}
