import { FieldSelector, newBadRequest, parseFieldSelector, parseSelector } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { Entry } from "../watch-cache/entry.ts";
import { prepareEntries } from "./served.ts";
import { fieldsOf, storedField } from "./selectable-fields.ts";
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
  /** Lies where selected objects lie, whatever it contains. */
  readonly covers: (entry: Entry) => boolean;
  /** Where another server converts what selectors look at: to be awaited for entries before `matches` is asked about them. */
  readonly prepare: ((entries: Iterable<Entry>) => Promise<void>) | undefined;
}

/** What selectors look at. */
interface Attributes {
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
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
  const covers = (entry: Entry): boolean => (key !== undefined ? entry.key === key : entry.key.startsWith(prefix));
  const common = { prefix, key, trigger, everything: anyLabels && anyFields && name === "", covers };
  const contents = fields.requirements.some(({ field }) => !field.startsWith("metadata."));
  // Names are the same in every version. A converting server may change labels, and a version's defaults its fields.
  if (served.custom && (contents || (!anyLabels && served.converter?.prepare !== undefined))) {
    const { prepare, of } = asServed(served, compute);
    return {
      ...common,
      prepare,
      matches(entry) {
        if (!covers(entry)) return false;
        const attributes = of(entry);
        return labels.matches(attributes.labels) && fields.matches(attributes.fields);
      },
    };
  }
  return {
    ...common,
    prepare: undefined,
    matches(entry) {
      if (!covers(entry)) return false;
      if (!anyLabels && !labels.matches(entry.labels)) return false;
      return anyFields || fields.matches(entry.fields(compute));
    },
  };
}

/** Labels and fields of custom objects as they are in the served version, which is what clients of that version select by. */
function asServed(
  served: ServedResource,
  compute: (object: KubeObject) => Record<string, string>,
): { prepare: Selection["prepare"]; of: (entry: Entry) => Attributes } {
  const { converter } = served;
  const known = new WeakMap<Entry, Attributes>();
  const read = ({ object }: Entry): Attributes => {
    const shown = converter === undefined ? object : converter.toServed(object);
    return { labels: shown.metadata?.labels ?? {}, fields: compute(shown) };
  };
  const of = (entry: Entry): Attributes => {
    let attributes = known.get(entry);
    if (attributes === undefined) {
      attributes = read(entry);
      known.set(entry, attributes);
    }
    return attributes;
  };
  if (converter?.prepare === undefined) return { prepare: undefined, of };
  return {
    async prepare(entries) {
      const missing = Array.from(entries).filter((entry) => !known.has(entry));
      await prepareEntries(served, missing);
      for (const entry of missing) of(entry);
    },
    of,
  };
}

function parseLabels(text: string): ReturnType<typeof parseSelector> {
  try {
    return parseSelector(text);
  } catch (error) {
    throw newBadRequest((error as Error).message);
  }
}

function parseFields(served: ServedResource, text: string): FieldSelector {
  if (text === "") return NO_FIELDS;
  try {
    const { requirements } = parseFieldSelector(text);
    return new FieldSelector(requirements.map((each) => ({ ...each, field: storedField(served, each.field) })));
  } catch (error) {
    throw newBadRequest((error as Error).message);
  }
}

const NO_FIELDS = new FieldSelector([]);
