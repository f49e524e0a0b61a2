export type Code = "Error" | "Unschedulable" | "UnschedulableAndUnresolvable" | "Skip" | "Wait";

/**
 * What a plug-in says when it does not simply succeed (success is `undefined`, the common case, and costs nothing).
 * Unschedulable: it may help to evict pods. UnschedulableAndUnresolvable: it will not. Skip: the plug-in has nothing to say
 * about this pod. Wait: the pod is held back (Permit).
 */
export interface Status {
  readonly code: Code;
  readonly reasons: readonly string[];
  /** Name of the plug-in; filled in by the framework. */
  readonly plugin?: string;
  readonly cause?: unknown;
}

export function unschedulable(...reasons: string[]): Status {
  return { code: "Unschedulable", reasons };
}

export function unresolvable(...reasons: string[]): Status {
  return { code: "UnschedulableAndUnresolvable", reasons };
}

export function errorStatus(cause: unknown): Status {
  return { code: "Error", reasons: [cause instanceof Error ? cause.message : String(cause)], cause };
}

/** The one Skip there is. */
export const SKIP: Status = { code: "Skip", reasons: [] };

export function isRejection(status: Status): boolean {
  return status.code === "Unschedulable" || status.code === "UnschedulableAndUnresolvable";
}

export function messageOf(status: Status): string {
  return status.reasons.join(", ");
}
