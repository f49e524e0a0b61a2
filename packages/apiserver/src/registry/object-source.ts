import type { KubeObject, ResourceType } from "@knots/machinery";

/** A change of an object as an ObjectSource reports it; `previous` is the state before (absent on "added"). */
export interface ObjectEvent<T extends KubeObject = KubeObject> {
  readonly type: "added" | "modified" | "deleted";
  readonly object: T;
  readonly previous?: T;
}

/**
 * Synchronous reads of current objects inside the API server: the watch cache behind a narrow face.
 * With the embedded stores a read sees every acknowledged write. Objects are shared and read-only:
 * structuredClone before changing one.
 */
export interface ObjectSource {
  /** `namespace` is undefined for cluster-scoped types. */
  get<T extends KubeObject>(type: ResourceType<T>, namespace: string | undefined, name: string): T | undefined;
  /** All objects of the type, or those of one namespace. */
  list<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[];
  /** Calls `fn` for each later change, in revision order, in the turn in which the change becomes visible to reads. */
  subscribe<T extends KubeObject>(type: ResourceType<T>, fn: (event: ObjectEvent<T>) => void): Disposable;
}
