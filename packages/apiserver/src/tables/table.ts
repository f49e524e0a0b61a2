import { newBadRequest } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { partialMetadata } from "../http/partial.ts";
import { groupResource } from "../registry/keys.ts";
import { objectOf } from "../registry/served.ts";
import type { ServedResource } from "../registry/served.ts";
import type { Entry } from "../watch-cache/entry.ts";
import { nameAndCreation } from "./cluster.ts";
import type { TableKind } from "./columns.ts";
import { TABLES } from "./kinds.ts";

export interface TableOptions {
  /** Milliseconds since the epoch, for ages. */
  readonly now: number;
  /** What each row carries: nothing, the metadata (default), or the object. */
  readonly includeObject: "None" | "Metadata" | "Object";
  /** Column definitions are left out of all but the first table of a watch. */
  readonly columns: boolean;
  readonly metaVersion: string;
}

/** Throws BadRequest on an unknown includeObject. */
export function tableOptions(query: URLSearchParams, now: number): TableOptions {
  const include = query.get("includeObject") ?? "";
  if (include !== "" && include !== "None" && include !== "Metadata" && include !== "Object") {
    throw newBadRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
  }
  return { now, includeObject: include === "" ? "Metadata" : include, columns: true, metaVersion: "v1" };
}

/** A meta.k8s.io Table of some states of one resource. */
export function tableFor(
  served: ServedResource,
  entries: readonly Entry[],
  options: TableOptions,
  listMetadata: object,
): object {
  return {
    ...tableHead(served, options, listMetadata),
    rows: entries.map((entry) => tableRow(served, entry, options)),
  };
}

/** A Table without its rows. */
export function tableHead(served: ServedResource, options: TableOptions, listMetadata: object): object {
  const { resourceVersion, continue: token, remainingItemCount } = listMetadata as Record<string, unknown>;
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.metaVersion}`,
    metadata: {
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(token === undefined ? {} : { continue: token }),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    },
    columnDefinitions: options.columns ? columnDefinitions(tableKindOf(served)) : [],
  };
}

/** The same of objects that are stored nowhere. */
export function tableOf<T extends KubeObject>(
  kind: TableKind<T>,
  objects: readonly T[],
  { now, includeObject, metaVersion }: TableOptions,
): object {
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${metaVersion}`,
    metadata: {},
    columnDefinitions: columnDefinitions(kind),
    rows: objects.map((object) => ({
      cells: kind.columns.map((column) => column.cell(object, now)),
      ...(includeObject === "None"
        ? {}
        : { object: includeObject === "Object" ? object : partialMetadata(object, metaVersion) }),
    })),
  };
}

function columnDefinitions<T extends KubeObject>({ columns }: TableKind<T>): object[] {
  return columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
}

function tableKindOf(served: ServedResource): TableKind {
  return served.table ?? TABLES[groupResource(served.storage.type.info)] ?? nameAndCreation;
}

export function tableRow(served: ServedResource, entry: Entry, options: TableOptions): object {
  const kind = tableKindOf(served);
  // Columns read the stored version; the object a row carries is in the served one.
  const source = served.custom ? objectOf(served, entry) : entry.object;
  const conditions = kind.conditions?.(source);
  return {
    cells: kind.columns.map((column) => column.cell(source, options.now)),
    ...(conditions === undefined ? {} : { conditions }),
    ...rowObject(served, entry, options),
  };
}

function rowObject(served: ServedResource, entry: Entry, options: TableOptions): { object?: KubeObject } {
  if (options.includeObject === "None") return {};
  if (options.includeObject === "Object") return { object: objectOf(served, entry) };
  return { object: partialMetadata(entry.object, options.metaVersion) };
}
