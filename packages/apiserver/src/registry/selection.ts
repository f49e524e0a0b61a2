import { FieldSelector, newBadRequest, parseFieldSelector, parseSelector } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { Entry } from "../watch-cache/entry.ts";
import type { ServedResource } from "./served.ts";

/** Which objects of a resource a list or watch is about. */
export interface Selection {
  /** Store key prefix of the candidates. */
  readonly prefix: string;
  /** The only key that can match, when metadata.name is selected in a known namespace. */
  readonly key: string | undefined;
  /** What a watcher registers for, so that it is not called for every change of the resource. */
  readonly trigger: string;
  /** No selector beyond the namespace. */
  readonly everything: boolean;
  matches(entry: Entry): boolean;
}

/** Selectable fields of an object: name, namespace, and what its strategy adds. */
export function fieldsOf(served: ServedResource): (object: KubeObject) => Record<string, string> {
  const { strategy } = served.storage.type;
  return (object) => ({
    ...strategy.fieldLabels?.(object),
    "metadata.name": object.metadata?.name ?? "",
    "metadata.namespace": object.metadata?.namespace ?? "",
  });
}

/** Reads the selectors of a request. Throws BadRequest on what does not parse or is not selectable. */
export function selectionOf(
  served: ServedResource,
  namespace: string,
  name: string,
  labelSelector: string,
  fieldSelector: string,
): Selection {
  const { storage, info } = served;
  const { type } = storage;
  const labels = parseLabels(labelSelector);
  const fields = parseFields(served, fieldSelector);
  const compute = fieldsOf(served);
  const wanted = new Map<string, string>();
  for (const requirement of fields.requirements) {
    if (requirement.operator !== "!=") wanted.set(requirement.field, requirement.value);
  }
  const wantedName = name !== "" ? name : wanted.get("metadata.name");
  const within = namespace !== "" ? namespace : (wanted.get("metadata.namespace") ?? "");
  const prefix = info.namespaced && within !== "" ? `${type.prefix}${within}/` : type.prefix;
  const key =
    wantedName !== undefined && (!info.namespaced || within !== "") ? storage.key(within, wantedName) : undefined;
  const node = wanted.get("spec.nodeName");
  let trigger = "";
  if (key !== undefined) trigger = `key:${key.slice(type.prefix.length)}`;
  else if (node !== undefined && type.triggers !== undefined) trigger = `node:${node}`;
  else if (info.namespaced && within !== "") trigger = `ns:${within}`;
  const anyLabels = labels.empty;
  const anyFields = fields.requirements.length === 0;
  return {
    prefix,
    key,
    trigger,
    everything: anyLabels && anyFields && name === "",
    matches(entry) {
      if (key !== undefined ? entry.key !== key : !entry.key.startsWith(prefix)) return false;
      if (!anyLabels && !labels.matches(entry.object.metadata?.labels ?? {})) return false;
      return anyFields || fields.matches(entry.fields(compute));
    },
  };
}

function parseLabels(text: string): ReturnType<typeof parseSelector> {
  try {
    return parseSelector(text);
  } catch (error) {
    throw newBadRequest((error as Error).message);
  }
}

function parseFields(served: ServedResource, text: string): ReturnType<typeof parseFieldSelector> {
  let selector: ReturnType<typeof parseFieldSelector>;
  try {
    selector = parseFieldSelector(text);
  } catch (error) {
    throw newBadRequest((error as Error).message);
  }
  if (selector.requirements.length > 0) {
    const known = fieldsOf(served)({});
    for (const { field } of selector.requirements) {
      const stored = storedLabel(served, field);
      const hidden = served.selectable?.has(field) === false && !field.startsWith("metadata.");
      if (stored === undefined || hidden || !Object.hasOwn(known, stored)) {
        const { group, version, resource } = served.info;
        throw newBadRequest(
          `Unable to find "${group}/${version}, Resource=${resource}" that match label selector "", field selector "${text}": field label not supported: ${field}`,
        );
      }
    }
  }
  if (served.converter?.fieldLabel === undefined) return selector;
  return new FieldSelector(
    selector.requirements.map((each) => ({ ...each, field: storedLabel(served, each.field) ?? each.field })),
  );
}

function storedLabel({ converter }: ServedResource, label: string): string | undefined {
  return converter?.fieldLabel === undefined ? label : converter.fieldLabel(label);
}
