// What writes to the subresources of pods may change (upstream: pkg/registry/core/pod/strategy.go).
import type { Container, Pod, PodSpec } from "@knots/api/core/v1";
import { keep, metadataFor } from "../default-strategy.ts";
import { semanticEqual } from "../equality.ts";
import { dropDisabledStatus } from "./pod-disabled-fields.ts";

/** Generation counts changes of the spec, whichever subresource makes them. */
function countChange(next: Pod, old: Pod): void {
  const before = old.metadata?.generation ?? 0;
  metadataFor(next).generation = semanticEqual(next.spec, old.spec) ? before : before + 1;
}

const METADATA = ["deletionTimestamp", "labels", "annotations", "finalizers", "ownerReferences"] as const;

function keepMetadata(next: Pod, old: Pod): void {
  for (const field of METADATA) keepOf(next, old, field);
}

function keepOf(next: Pod, old: Pod, field: (typeof METADATA)[number]): void {
  const metadata = metadataFor(next);
  const value = old.metadata?.[field];
  if (value === undefined) delete metadata[field];
  else Object.assign(metadata, { [field]: value });
}

/** /ephemeralcontainers: the list of that name. */
export function prepareEphemeralContainers(next: Pod, old: Pod): void {
  const ephemeralContainers = next.spec?.ephemeralContainers;
  const { ephemeralContainers: _, ...spec } = old.spec ?? { containers: [] };
  next.spec = { ...spec, ...(ephemeralContainers === undefined ? {} : { ephemeralContainers }) };
  keep(next, old, "status");
  keepMetadata(next, old);
  countChange(next, old);
}

/**
 * /resize: resources, and how they are resized. Of anything else nothing is said; but who adds, removes or renames
 * containers hears of it from validation.
 */
export function prepareResize(next: Pod, old: Pod): void {
  // What must be there is looked for later.
  const { containers = [], initContainers = [], resources }: Partial<PodSpec> = next.spec ?? {};
  const { resources: _, ...spec } = old.spec ?? { containers: [] };
  if (containers.length === spec.containers.length && initContainers.length === (spec.initContainers?.length ?? 0)) {
    next.spec = {
      ...spec,
      containers: withResources(containers, spec.containers),
      ...(spec.initContainers === undefined
        ? {}
        : { initContainers: withResources(initContainers, spec.initContainers) }),
      ...(resources === undefined ? {} : { resources }),
    };
    keepMetadata(next, old);
  }
  keep(next, old, "status");
  countChange(next, old);
}

function withResources(next: Container[], old: readonly Container[]): Container[] {
  if (next.some(({ name }, index) => name !== old[index]?.name)) return next;
  return next.map(({ resources, resizePolicy }, index) => {
    const { resources: _resources, resizePolicy: _policy, ...rest } = old[index] as Container;
    return {
      ...rest,
      ...(resources === undefined ? {} : { resources }),
      ...(resizePolicy === undefined ? {} : { resizePolicy }),
    };
  });
}

/** /status: owners stay, as does what the server says of the pod where the writer does not know it. */
export function prepareStatus(next: Pod, old: Pod): void {
  keepOf(next, old, "ownerReferences");
  next.status ??= {};
  const { status } = next;
  if (!status.qosClass && old.status?.qosClass) status.qosClass = old.status.qosClass;
  if (!status.observedGeneration && old.status?.observedGeneration)
    status.observedGeneration = old.status.observedGeneration;
  dropDisabledStatus(status);
  for (const condition of status.conditions ?? []) {
    if (condition.observedGeneration) continue;
    const before = old.status?.conditions?.find(({ type }) => type === condition.type)?.observedGeneration;
    if (before) condition.observedGeneration = before;
  }
}
