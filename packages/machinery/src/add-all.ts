/**
 * Adds every item of a list to another. `push(...more)` gives each item as an argument of its own, and those have no room
 * on the stack when somebody sent a hundred thousand of them.
 */
export function addAll<T>(list: T[], more: Iterable<T>): void {
  for (const item of more) list.push(item);
}
