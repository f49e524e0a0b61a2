import type { ResourceInfo, ShapeReport } from "@knots/api";
import type { KubeObject, TypeSchema } from "@knots/machinery";
import type { TableKind } from "../tables/columns.ts";
import { encodeObject } from "../watch-cache/encode-object.ts";
import type { Entry } from "../watch-cache/entry.ts";
import type { ResourceStorage } from "./storage.ts";

/** Between the served and the stored version of a resource; both directions return new objects. */
export interface Converter {
  toServed(stored: KubeObject): KubeObject;
  /** The stored version's name of a field that a selector may name; undefined: it may not. Absent: the names are the same. */
  fieldLabel?(label: string): string | undefined;
  toStored(served: KubeObject): KubeObject | Promise<KubeObject>;
  /** Where another server converts: to be awaited for stored states before `toServed` is called with them. */
  prepare?(stored: readonly KubeObject[]): Promise<void>;
}

/** Between two versions that this server knows by itself. */
export interface BuiltInConverter extends Converter {
  toStored(served: KubeObject): KubeObject;
}

/** Makes sure that these stored states can be shown in the served version; one call to whoever converts them. */
export async function prepareConversion(served: ServedResource, stored: Iterable<KubeObject>): Promise<void> {
  await served.converter?.prepare?.([...stored]);
}

/** The same for entries, which are decoded only where somebody has to convert them. */
export async function prepareEntries(served: ServedResource, entries: Iterable<Entry>): Promise<void> {
  if (served.converter?.prepare === undefined) return;
  await served.converter.prepare(Array.from(entries, ({ object }) => object));
}

/** A resource in one of its versions, as requests address it. */
export interface ServedResource {
  readonly info: ResourceInfo;
  readonly storage: ResourceStorage;
  /** Absent when the stored bytes are the served bytes. */
  readonly converter: Converter | undefined;
  /** Schema of the served version; undefined when everything is preserved. */
  readonly schema: TypeSchema | undefined;
  /** Defined by a CustomResourceDefinition: no strategic merge patch, its own table columns. */
  readonly custom: boolean;
  /** Fields beyond name and namespace that selectors may name in this version; absent: those of the stored one. */
  readonly selectable?: ReadonlySet<string>;
  /** Tells apart what stored states look like under different definitions of a custom resource. */
  readonly viewName?: string;
  /** Brings a custom object into its shape in place; tells the fields it dropped, and what does not fit. */
  readonly shape?: (object: KubeObject) => ShapeReport;
  /** Text of the Warning header that every use of a deprecated version gets. */
  readonly warning?: string;
  /** Columns of a custom resource; built-in kinds have theirs by name. */
  readonly table?: TableKind;
  /** Schema defaults of the served version, applied on decoding. */
  applyDefaults(object: KubeObject): void;
}

/** JSON bytes of a stored state in the served version, kept with it. */
export function bytesOf(served: ServedResource, entry: Entry): Uint8Array {
  if (served.converter === undefined) return entry.bytes;
  const { group, version } = served.info;
  return entry.view(`json:${group}/${version}:${served.viewName ?? ""}`, () => encodedOf(served, entry));
}

/** The same, made anew. */
export function encodedOf({ converter }: ServedResource, entry: Entry): Uint8Array {
  return converter === undefined ? entry.bytes : encodeObject(converter.toServed(entry.object));
}

/** Decoded object in the served version; shared, read-only. */
export function objectOf(served: ServedResource, entry: Entry): KubeObject {
  return objectFrom(served, entry.object);
}

export function objectFrom(served: ServedResource, stored: KubeObject): KubeObject {
  return served.converter === undefined ? stored : served.converter.toServed(stored);
}

export function apiVersionOf(info: { group: string; version: string }): string {
  return info.group === "" ? info.version : `${info.group}/${info.version}`;
}
