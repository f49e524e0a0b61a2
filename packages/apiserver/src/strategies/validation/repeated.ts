/**
 * Visits each item whose key an earlier item had. In one pass: a body holds a hundred thousand small items, and comparing
 * each with each would hold the server for minutes.
 */
export function forEachRepeated<T>(
  items: readonly T[],
  keyOf: (item: T) => unknown,
  visit: (item: T, index: number) => void,
): void {
  if (items.length < 2) return;
  const seen = new Set<unknown>();
  items.forEach((item, index) => {
    const key = keyOf(item);
    if (seen.has(key)) visit(item, index);
    else seen.add(key);
  });
}
