/** First size of a batch in slowStartBatch. */
export const SLOW_START_INITIAL_BATCH_SIZE = 1;

/**
 * Calls `fn` up to `count` times: one call, then two at once, then four, …, and stops after the first batch in which a
 * call failed, so that a lasting error (a quota, a bad template) costs one request and not `count` of them.
 * @returns how many calls succeeded, and the first error.
 */
export async function slowStartBatch(
  count: number,
  fn: (index: number) => Promise<void>,
): Promise<{ successes: number; error: unknown }> {
  let successes = 0;
  let started = 0;
  for (
    let size = Math.min(count, SLOW_START_INITIAL_BATCH_SIZE);
    size > 0;
    size = Math.min(2 * size, count - started)
  ) {
    const first = started;
    const results = await Promise.allSettled(Array.from({ length: size }, async (_, i) => fn(first + i)));
    started += size;
    successes += results.filter((result) => result.status === "fulfilled").length;
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) return { successes, error: failed.reason };
  }
  return { successes, error: undefined };
}

/** Runs all, in parallel, and throws the first error once all have ended. */
export async function allSettledOrThrow<T>(work: Iterable<Promise<T>>): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
