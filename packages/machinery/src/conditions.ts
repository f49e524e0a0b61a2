// Conditions of an object's status.

interface ConditionLike {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}

export function getCondition<C extends { type: string }>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** The conditions with `next` in place; lastTransitionTime moves only with the status. `now` is an RFC 3339 time. */
export function setCondition<C extends ConditionLike>(conditions: readonly C[] | undefined, next: C, now: string): C[] {
  const old = getCondition(conditions, next.type);
  const lastTransitionTime = old !== undefined && old.status === next.status ? (old.lastTransitionTime ?? now) : now;
  const made = { ...next, lastTransitionTime };
  if (old === undefined) return [...(conditions ?? []), made];
  return (conditions ?? []).map((condition) => (condition === old ? made : condition));
}
