import type { KubeObject, ManagedFieldsEntry } from "@knots/machinery";
import { fieldsText } from "@knots/machinery/managed-fields/index";
import { encodeLine } from "../json-line.ts";

/** The bytes of an object with kind, apiVersion and metadata first, as upstream writes it. */
export function encodeObject(object: KubeObject): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { managedFields } = metadata ?? {};
  if (metadata === undefined || managedFields === undefined || managedFields.length === 0) {
    return encodeLine(JSON.stringify({ kind, apiVersion, metadata, ...rest }));
  }
  // Managed fields are half of many an object, and their texts are known: they are put in as they are.
  const head = JSON.stringify({ kind, apiVersion, metadata: { ...metadata, managedFields: undefined } });
  const tail = JSON.stringify(rest);
  const inner = head.slice(0, -2);
  const comma = inner.endsWith("{") ? "" : ",";
  const more = tail === "{}" ? "}" : `,${tail.slice(1)}`;
  return encodeLine(`${inner}${comma}"managedFields":[${managedFields.map(entryText).join(",")}]}${more}`);
}

function entryText(entry: ManagedFieldsEntry): string {
  const { fieldsV1, subresource, ...who } = entry;
  if (fieldsV1 === undefined) return JSON.stringify(entry);
  const head = JSON.stringify(who).slice(0, -1);
  const comma = head === "{" ? "" : ",";
  const end = subresource === undefined ? "}" : `,"subresource":${JSON.stringify(subresource)}}`;
  return `${head}${comma}"fieldsV1":${fieldsText(fieldsV1)}${end}`;
}
