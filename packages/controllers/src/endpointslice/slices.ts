import type { ObjectMeta } from "@knots/machinery";
import type { Endpoint, EndpointPort, EndpointSlice } from "@knots/api/discovery/v1";
import { semanticEqual } from "../framework/equality.ts";
import { metaOf } from "../framework/objects.ts";
import { endpointKey } from "./endpoint.ts";
import { portsKey } from "./ports.ts";

/** Endpoints that have the same ports. */
export interface PortGroup {
  readonly ports: EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SliceActions {
  readonly create: EndpointSlice[];
  readonly update: EndpointSlice[];
  readonly remove: EndpointSlice[];
}

/** How the slices of one owner and one address type are to look. */
export interface SliceSpec {
  readonly addressType: "IPv4" | "IPv6";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly maxEndpoints: number;
  /** Labels and annotations that are not ours to touch count as equal. */
  sameMeta(slice: EndpointSlice): boolean;
  /** A new slice, without endpoints and ports. */
  make(): EndpointSlice;
}

/** A slice under work. */
interface Work {
  readonly slice: EndpointSlice;
  endpoints: Endpoint[];
  changed: boolean;
}

/**
 * What makes the existing slices show the endpoints, with as few writes as possible: an endpoint stays in its slice; new ones
 * fill slices that change anyway; then the fullest unchanged slice that has room for the rest; then new slices. Slices left
 * empty go. With no endpoint at all one empty slice says that the owner is known. Pure.
 */
export function planSlices(
  existing: readonly EndpointSlice[],
  groups: readonly PortGroup[],
  spec: SliceSpec,
): SliceActions {
  const actions: SliceActions = { create: [], update: [], remove: [] };
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    const key = portsKey(slice.ports);
    const same = byPorts.get(key);
    if (same === undefined) byPorts.set(key, [slice]);
    else same.push(slice);
  }
  const wanted = groups.filter(({ endpoints }) => endpoints.length > 0);
  if (wanted.length === 0) {
    planPlaceholder(existing, spec, actions);
    return actions;
  }
  for (const group of wanted) {
    const key = portsKey(group.ports);
    planGroup(byPorts.get(key) ?? [], group, spec, actions);
    byPorts.delete(key);
  }
  for (const slices of byPorts.values()) actions.remove.push(...slices);
  return actions;
}

function planPlaceholder(existing: readonly EndpointSlice[], spec: SliceSpec, actions: SliceActions): void {
  const isPlaceholder = ({ endpoints, ports }: EndpointSlice): boolean =>
    (endpoints ?? []).length === 0 && (ports ?? []).length === 0;
  const kept = existing.find(isPlaceholder);
  for (const slice of existing) if (slice !== kept) actions.remove.push(slice);
  if (kept === undefined) actions.create.push({ ...spec.make(), endpoints: [], ports: [] });
  else if (!spec.sameMeta(kept)) actions.update.push(withMeta(kept, spec));
}

function planGroup(slices: readonly EndpointSlice[], group: PortGroup, spec: SliceSpec, actions: SliceActions): void {
  const missing = new Map(group.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const works = slices.map((slice): Work => {
    let changed = !spec.sameMeta(slice);
    const endpoints: Endpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const key = endpointKey(endpoint);
      const want = missing.get(key);
      if (want === undefined) {
        changed = true;
        continue;
      }
      missing.delete(key);
      if (!semanticEqual(endpoint, want)) changed = true;
      endpoints.push(want);
    }
    return { slice, endpoints, changed };
  });
  const rest = [...missing.values()];
  const fill = (work: Work): void => {
    const room = Math.max(0, spec.maxEndpoints - work.endpoints.length);
    const added = rest.splice(0, room);
    if (added.length === 0) return;
    work.endpoints.push(...added);
    work.changed = true;
  };
  for (const work of works) if (work.changed) fill(work);
  if (rest.length > 0) {
    // A rest that fits beside others needs no slice of its own; the fullest that takes it whole comes first.
    const size = rest.length % spec.maxEndpoints || spec.maxEndpoints;
    const roomy = works
      .filter(
        ({ changed, endpoints }) => !changed && endpoints.length > 0 && endpoints.length + size <= spec.maxEndpoints,
      )
      .toSorted((a, b) => b.endpoints.length - a.endpoints.length)[0];
    if (roomy !== undefined) {
      roomy.endpoints.push(...rest.splice(rest.length - size, size));
      roomy.changed = true;
    }
  }
  while (rest.length > 0) {
    actions.create.push({ ...spec.make(), ports: group.ports, endpoints: rest.splice(0, spec.maxEndpoints) });
  }
  for (const { slice, endpoints, changed } of works) {
    if (endpoints.length === 0) actions.remove.push(slice);
    else if (changed) actions.update.push({ ...withMeta(slice, spec), endpoints });
  }
}

/** The slice with the labels and annotations of the spec; others' annotations stay. */
function withMeta(slice: EndpointSlice, spec: SliceSpec): EndpointSlice {
  const meta: ObjectMeta = { ...metaOf(slice), labels: { ...spec.labels } };
  const annotations = { ...slice.metadata?.annotations, ...spec.annotations };
  if (spec.annotations?.[TRIGGER_TIME] === undefined) delete annotations[TRIGGER_TIME];
  if (Object.keys(annotations).length > 0) meta.annotations = annotations;
  else delete meta.annotations;
  return { ...slice, metadata: meta };
}

/** When the change happened that a write shows; how late it came is measured by it. */
export const TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time";
