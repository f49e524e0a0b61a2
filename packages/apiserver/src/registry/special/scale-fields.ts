import { schemaFor } from "@knots/api";
import type { Scale } from "@knots/api/autoscaling/v1";
import type { KubeObject } from "@knots/machinery";
import {
  FieldSet,
  decodeManaged,
  encodeManaged,
  everyField,
  fieldPath,
  trackApply,
  trackUpdate,
} from "@knots/machinery/managed-fields/index";
import type { Managed, TypedVersions, Writer } from "@knots/machinery/managed-fields/index";
import type { StoredObject } from "../metadata.ts";
import type { StoredType } from "../resource-type.ts";

const SCALE_VERSION = "autoscaling/v1";
const REPLICAS = fieldPath("spec", "replicas");
const REPLICAS_ALONE = FieldSet.of(REPLICAS);

const SCALE_VERSIONS: TypedVersions = {
  typing: (apiVersion) =>
    apiVersion === SCALE_VERSION
      ? { schema: schemaFor({ group: "autoscaling", version: "v1", kind: "Scale" }), untyped: "atomic" }
      : undefined,
  convert: (object) => object,
  filter: () => everyField,
};

/**
 * Managed fields of /scale. A Scale shows the owners of its one field, the replicas, under its own path; what a write of
 * the Scale changes in them is carried back to the object.
 */
export class ScaleFields {
  readonly #type: StoredType;
  readonly #apiVersion: string;
  readonly #path: readonly string[];

  /** `apiVersion` is the version of the object that the request names, `path` where it has its replicas. */
  constructor(type: StoredType, apiVersion: string, path: readonly string[]) {
    this.#type = type;
    this.#apiVersion = apiVersion;
    this.#path = fieldPath(...path);
  }

  /** Gives a Scale the owners of its object's replicas. */
  toScale(parent: StoredObject, scale: Scale): void {
    const shown: Managed = new Map();
    for (const [id, entry] of this.#decode(parent)) {
      if (!entry.set.has(this.#path)) continue;
      shown.set(id, { ...entry, apiVersion: SCALE_VERSION, set: REPLICAS_ALONE });
    }
    (scale.metadata ??= {}).managedFields = encodeManaged(shown);
  }

  /** Records a plain write of the Scale. */
  update(live: Scale, next: Scale, writer: Writer): void {
    const managedFields = trackUpdate(live, next, writer, SCALE_VERSIONS);
    const metadata = (next.metadata ??= {});
    if (managedFields === undefined) delete metadata.managedFields;
    else metadata.managedFields = managedFields;
  }

  /** The Scale after applying a configuration to it. */
  apply(live: Scale, config: KubeObject, writer: Writer, force: boolean): KubeObject {
    const { object, managedFields } = trackApply(live, config, writer, SCALE_VERSIONS, force);
    const next = structuredClone(object ?? live);
    const metadata = (next.metadata ??= {});
    if (managedFields === undefined) delete metadata.managedFields;
    else metadata.managedFields = managedFields;
    return next;
  }

  /** Carries the owners of a written Scale back: who lost the replicas there loses them in the object. */
  toParent(scale: Scale, parent: StoredObject): void {
    const replicas = FieldSet.of(this.#path);
    const shown = new Map(
      Array.from(decodeManaged(scale.metadata?.managedFields).values(), (entry) => [
        JSON.stringify([entry.manager, entry.operation, entry.subresource]),
        entry,
      ]),
    );
    const result: Managed = new Map();
    for (const [id, entry] of this.#decode(parent)) {
      const key = JSON.stringify([entry.manager, entry.operation, entry.subresource]);
      if (!entry.set.has(this.#path) || shown.has(key)) {
        result.set(id, entry);
        if (entry.set.has(this.#path)) shown.delete(key);
        continue;
      }
      const set = entry.set.difference(replicas);
      if (!set.isEmpty) result.set(id, { ...entry, set });
    }
    for (const [key, entry] of shown) {
      if (entry.set.has(REPLICAS)) result.set(key, { ...entry, apiVersion: this.#apiVersion, set: replicas });
    }
    if (result.size === 0) delete parent.metadata.managedFields;
    else parent.metadata.managedFields = encodeManaged(result);
  }

  /** Entries of versions that are not there any more are left out. */
  #decode(parent: StoredObject): Managed {
    const managed: Managed = new Map();
    for (const [id, entry] of decodeManaged(parent.metadata.managedFields)) {
      if (this.#type.versions.typing(entry.apiVersion) !== undefined) managed.set(id, entry);
    }
    return managed;
  }
}
