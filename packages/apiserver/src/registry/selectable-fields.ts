import { tableOf } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { ServedResource } from "./served.ts";

/** Selectable fields of an object: name, namespace, and what its strategy adds. */
export function fieldsOf(served: ServedResource): (object: KubeObject) => Record<string, string> {
  const { strategy } = served.storage.type;
  return (object) => ({
    ...strategy.fieldLabels?.(object),
    "metadata.name": object.metadata?.name ?? "",
    "metadata.namespace": object.metadata?.namespace ?? "",
  });
}

/** By resource: how clients of long ago called a field. */
const OLD_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "/pods": tableOf({ "spec.host": "spec.nodeName" }),
};

/** By resource: upstream's own words; all else is told in one of two ways. */
const REFUSALS: Readonly<Record<string, (field: string) => string>> = {
  "batch/jobs": (field) => `field label ${JSON.stringify(field)} not supported for batchv1.Job`,
  "resource.k8s.io/resourceslices": (field) =>
    `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${field}`,
};

/** What a field that a selector names is called where the object is stored. Throws an Error that says that it may not be named. */
export function storedField(served: ServedResource, field: string): string {
  const { info, converter, selectable, custom } = served;
  const resource = `${info.group}/${info.resource}`;
  const stored =
    converter?.fieldLabel === undefined ? (OLD_NAMES[resource]?.[field] ?? field) : converter.fieldLabel(field);
  const others = custom || served.storage.type.strategy.fieldLabels !== undefined;
  // Where nothing but the metadata can be named, upstream takes a namespace that no object has.
  const namespaceOfNone = field === "metadata.namespace" && others && !info.namespaced;
  const hidden = selectable?.has(field) === false && !field.startsWith("metadata.");
  if (stored !== undefined && !namespaceOfNone && !hidden && Object.hasOwn(fieldsOf(served)({}), stored)) return stored;
  const refusal = REFUSALS[resource];
  if (refusal !== undefined) throw new Error(refusal(field));
  if (others) throw new Error(`field label not supported: ${field}`);
  throw new Error(`${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
}
