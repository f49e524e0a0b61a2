/** Pods whose changes are looked at one by one; one look is over all pods of the object. */
const PODS_PER_MS = 10;
const LONGEST_MS = 100;

/**
 * How long a change of one pod waits for others, in ms. A look costs as much as the object has pods, and a thousand pods that
 * start bring thousands of changes: without waiting the work would grow with the square of their number. Small ones wait for
 * nothing. Pure.
 */
export function coalesceDelay(replicas: number): number {
  return Math.min(LONGEST_MS, Math.floor(replicas / PODS_PER_MS));
}
