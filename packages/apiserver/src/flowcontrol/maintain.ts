// What is to be done about the objects that every cluster has. Pure decisions; configuration.ts acts.
import type { FlowSchema, PriorityLevelConfiguration } from "@knots/api/flowcontrol/v1";
import { deepEqual } from "../registry/metadata.ts";

/** "true": the server keeps the spec as it ships it; "false": the spec is the cluster operator's. */
export const AUTOUPDATE = "apf.kubernetes.io/autoupdate-spec";

type Configuration = FlowSchema | PriorityLevelConfiguration;

export type Maintenance<T extends Configuration> =
  | { readonly action: "create"; readonly object: T }
  | { readonly action: "update"; readonly object: T }
  | { readonly action: "none" };

/** How a default object comes to be as it should: mandatory ones always, suggested ones unless somebody took them over. */
export function maintain<T extends Configuration>(
  wanted: T,
  current: T | undefined,
  mandatory: boolean,
): Maintenance<T> {
  if (current === undefined) return { action: "create", object: annotated(wanted, true) };
  const auto = mandatory || isAutoUpdated(current);
  const spec = auto ? wanted.spec : current.spec;
  const annotation = current.metadata?.annotations?.[AUTOUPDATE];
  if (annotation === String(auto) && deepEqual(spec, current.spec)) return { action: "none" };
  return { action: "update", object: annotated({ ...structuredClone(current), spec: structuredClone(spec) }, auto) };
}

/** Objects of an earlier version that are kept by servers alone and are no longer wanted. */
export function isObsolete(current: Configuration, wanted: ReadonlySet<string>): boolean {
  return current.metadata?.annotations?.[AUTOUPDATE] === "true" && !wanted.has(current.metadata.name ?? "");
}

/** Without a clear annotation an object that nobody has changed since it was made is the server's. */
function isAutoUpdated(current: Configuration): boolean {
  const annotation = current.metadata?.annotations?.[AUTOUPDATE];
  if (annotation === "true") return true;
  if (annotation === "false") return false;
  return current.metadata?.generation === 1;
}

function annotated<T extends Configuration>(object: T, auto: boolean): T {
  const copy = structuredClone(object);
  copy.metadata = {
    ...copy.metadata,
    annotations: { ...copy.metadata?.annotations, [AUTOUPDATE]: String(auto) },
  };
  return copy;
}
