import type { KubeObject } from "@knots/machinery";

/**
 * An informer's transform: drops who manages which field, which is half of a small object and which only writers of
 * patches read. Such a copy may be written back: an update without managed fields leaves them as they are.
 */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
