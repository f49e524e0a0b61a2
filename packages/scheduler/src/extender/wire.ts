// The messages between scheduler and extender. Upstream writes its structures with the names of their Go fields, and reads
// names in any case, as Go's JSON does.
import type { Node, Pod } from "@knots/api/core/v1";

/** ExtenderArgs: with nodes, or with their names alone. */
export interface ExtenderArgs {
  readonly Pod: Pod;
  readonly Nodes: { readonly metadata: object; readonly items: readonly Node[] } | null;
  readonly NodeNames: readonly string[] | null;
}

export interface ExtenderBindingArgs {
  readonly PodName: string;
  readonly PodNamespace: string;
  readonly PodUID: string;
  readonly Node: string;
}

/** ExtenderPreemptionArgs: with the victims, or with their uids alone; by node. */
export interface ExtenderPreemptionArgs {
  readonly Pod: Pod;
  readonly NodeNameToVictims: Readonly<
    Record<string, { readonly Pods: readonly Pod[]; readonly NumPDBViolations: number }>
  > | null;
  readonly NodeNameToMetaVictims: Readonly<
    Record<string, { readonly Pods: readonly { readonly UID: string }[]; readonly NumPDBViolations: number }>
  > | null;
}

/** A field of an answer, under its name in any case; undefined where it is absent or null. */
export function field(answer: unknown, name: string): unknown {
  if (typeof answer !== "object" || answer === null) return undefined;
  const record = answer as Readonly<Record<string, unknown>>;
  const lower = name.toLowerCase();
  // The exact name is what answers as a rule have.
  const key = Object.hasOwn(record, name) ? name : Object.keys(record).find((each) => each.toLowerCase() === lower);
  return key === undefined ? undefined : (record[key] ?? undefined);
}

/** An object of an answer by its keys; none where it is absent. */
export function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** A list of an answer; undefined where it is absent. */
export function list(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
