import { formatLabelSelector, newBadRequest, newInvalid } from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";
import type { Scale } from "@knots/api/autoscaling/v1";
import type { StoredObject } from "../metadata.ts";

/** How a kind's replicas are found, for /scale. Paths are lists of field names. */
export interface ScaleAccess {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  /** The selector as text, from the object. */
  selector(object: KubeObject): string;
}

const DEFAULT_PATHS = { specReplicas: ["spec", "replicas"], statusReplicas: ["status", "replicas"] };

interface Selecting {
  spec?: { selector?: unknown };
}

/** Deployments, ReplicaSets, StatefulSets: a LabelSelector. */
export const labelSelectorScale: ScaleAccess = {
  ...DEFAULT_PATHS,
  selector: (object) => {
    const selector = (object as Selecting).spec?.selector as Parameters<typeof formatLabelSelector>[0];
    return selector === undefined ? "" : formatLabelSelector(selector);
  },
};

/** ReplicationControllers: a map. */
export const mapSelectorScale: ScaleAccess = {
  ...DEFAULT_PATHS,
  selector: (object) => {
    const selector = ((object as Selecting).spec?.selector ?? {}) as Record<string, string>;
    return Object.entries(selector)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(",");
  },
};

/** The Scale of an object. */
export function scaleOf(object: KubeObject, access: ScaleAccess): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const selector = access.selector(object);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: { replicas: numberAt(object, access.specReplicas) },
    status: { replicas: numberAt(object, access.statusReplicas), ...(selector === "" ? {} : { selector }) },
  };
}

/** A copy of `object` with the replicas of `scale`. Throws Invalid or BadRequest. */
export function withScale(object: StoredObject, scale: Scale, access: ScaleAccess): StoredObject {
  const replicas = scale.spec?.replicas ?? 0;
  const errors: FieldError[] = [];
  if (!Number.isInteger(replicas)) throw newBadRequest("spec.replicas must be an integer");
  if (replicas < 0) {
    errors.push({
      type: "FieldValueInvalid",
      field: "spec.replicas",
      badValue: replicas,
      detail: "must be greater than or equal to 0",
    });
  }
  if (errors.length > 0) throw newInvalid({ group: "autoscaling", kind: "Scale" }, object.metadata.name ?? "", errors);
  const next = structuredClone(object);
  let at = next as unknown as Record<string, unknown>;
  for (const field of access.specReplicas.slice(0, -1)) {
    const inner = (at[field] ?? {}) as Record<string, unknown>;
    at[field] = inner;
    at = inner;
  }
  at[access.specReplicas[access.specReplicas.length - 1] ?? "replicas"] = replicas;
  // A Scale that names a version means that version of the object.
  if (scale.metadata?.resourceVersion !== undefined && scale.metadata.resourceVersion !== "") {
    next.metadata.resourceVersion = scale.metadata.resourceVersion;
  } else {
    delete next.metadata.resourceVersion;
  }
  if (scale.metadata?.uid !== undefined && scale.metadata.uid !== "") next.metadata.uid = scale.metadata.uid;
  return next;
}

function numberAt(object: KubeObject, path: readonly string[]): number {
  let value: unknown = object;
  for (const field of path) value = (value as Record<string, unknown> | undefined)?.[field];
  return typeof value === "number" ? value : 0;
}
