import { getControllerOf } from "@knots/machinery";
import type { KubeObject, ObjectMeta, OwnerReference } from "@knots/machinery";

/** Metadata of an object that came from the API server: it has a name and a uid. */
export type StoredMeta = ObjectMeta & { readonly name: string; readonly namespace: string; readonly uid: string };

/** Metadata of an object that came from the API server (namespace is "" for cluster-scoped objects). */
export function metaOf(object: KubeObject): StoredMeta {
  const meta = object.metadata;
  if (meta?.name === undefined || meta.uid === undefined) {
    throw new Error(`${object.kind ?? "object"} without a name or a uid did not come from the API server`);
  }
  return { ...meta, name: meta.name, namespace: meta.namespace ?? "", uid: meta.uid };
}

export function keyOf(object: KubeObject): string {
  const { name, namespace } = object.metadata ?? {};
  return namespace ? `${namespace}/${name ?? ""}` : (name ?? "");
}

/** RFC 3339 → ms since the epoch; undefined where the field is not set. */
export function timeOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

export function creationTime(object: KubeObject): number {
  return timeOf(object.metadata?.creationTimestamp) ?? 0;
}

/** Oldest first; of two born in the same second, by name. */
export function byAge(a: KubeObject, b: KubeObject): number {
  return creationTime(a) - creationTime(b) || compareStrings(a.metadata?.name ?? "", b.metadata?.name ?? "");
}

export function byName(a: KubeObject, b: KubeObject): number {
  return compareStrings(a.metadata?.name ?? "", b.metadata?.name ?? "");
}

/** Byte order, as Go's `<`; never the locale's. */
export function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function isBeingDeleted(object: KubeObject): boolean {
  return object.metadata?.deletionTimestamp !== undefined;
}

/** Both undefined, or the same owner. */
export function sameController(a: OwnerReference | undefined, b: OwnerReference | undefined): boolean {
  return a?.uid === b?.uid && a?.name === b?.name && a?.kind === b?.kind && a?.apiVersion === b?.apiVersion;
}

/** Name of an index of objects by the uid of their controller; orphans are under `orphanIndexValue`. */
export const CONTROLLER_INDEX = "controller";

export function orphanIndexValue(namespace: string): string {
  return `orphan/${namespace}`;
}

/** Indexer for CONTROLLER_INDEX. */
export function controllerIndexer(object: KubeObject): string[] {
  return [getControllerOf(object)?.uid ?? orphanIndexValue(object.metadata?.namespace ?? "")];
}
