import { schemaFor, validateShape } from "@knots/api";
import type { ResourceInfo } from "@knots/api";
import { cloneJson, setKey } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { everyField, withoutFields } from "@knots/machinery/managed-fields/index";
import { semanticEqual } from "./equality.ts";
import { FieldPath } from "./field.ts";
import type { FieldError } from "./field.ts";
import type { Strategy } from "./types.ts";
import { metaOf, validateKubeFinalizers, validateObjectMeta, validateObjectMetaUpdate } from "./validation/metadata.ts";
import type { NameCheck } from "./validation/names.ts";
import { nameIsDNSSubdomain } from "./validation/names.ts";

const METADATA = FieldPath.root("metadata");

/** Groups whose validation is apimachinery's alone: any qualified name is a finalizer there. */
const ANY_FINALIZER = new Set([
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
  "coordination.k8s.io",
]);

/** Facts of a kind that the default rules need. */
export interface DefaultRules {
  readonly checkName?: NameCheck;
  /** Kinds that count changes of their spec in metadata.generation. */
  readonly generation?: boolean;
  /** A client may set status when it creates the object (a kubelet registers its node with it). */
  readonly statusOnCreate?: boolean;
  /** What generation counts; the spec unless given. */
  readonly generationOf?: (obj: KubeObject) => unknown;
}

const WITHOUT_STATUS = withoutFields(["status"]);
const WITHOUT_SPEC = withoutFields(["spec"]);

interface Parts {
  spec?: unknown;
  status?: unknown;
}

/**
 * The rules that hold for every kind unless its strategy says otherwise: metadata is valid, clients do not set
 * status on the resource itself, /status changes nothing but status (and metadata), generation counts spec changes.
 */
export function defaultStrategy(
  info: ResourceInfo,
  rules: DefaultRules = {},
): Required<Pick<Strategy, "prepareForCreate" | "prepareForUpdate" | "validate" | "validateUpdate" | "subresources">> &
  Strategy {
  const hasStatus = info.subresources.status !== undefined;
  const emptyStatus = hasStatus ? statusMaker(info) : undefined;
  const generationOf = rules.generationOf ?? ((obj) => (obj as Parts).spec);
  const checkName = rules.checkName ?? nameIsDNSSubdomain;
  const anyFinalizer = ANY_FINALIZER.has(info.group);
  /** What a subresource's write is told: of finalizers that it brings, not of what lies there already. */
  const subresourceMetadata = (next: KubeObject, old: KubeObject): FieldError[] => [
    ...validateObjectMetaUpdate(metaOf(next), metaOf(old), METADATA),
    ...(anyFinalizer || semanticEqual(metaOf(next).finalizers, metaOf(old).finalizers)
      ? []
      : validateKubeFinalizers(metaOf(next), METADATA)),
  ];
  return {
    allowUnconditionalUpdate: true,
    allowCreateOnUpdate: false,
    resetFields: hasStatus ? WITHOUT_STATUS : everyField,
    prepareForCreate(obj) {
      if (emptyStatus && !rules.statusOnCreate) (obj as Parts).status = emptyStatus();
      if (rules.generation) metadataFor(obj).generation = 1;
      else delete metadataFor(obj).generation;
    },
    prepareForUpdate(next, old) {
      if (hasStatus) keep(next, old, "status");
      const generation = metaOf(old).generation;
      if (!rules.generation) copyGeneration(next, generation);
      else if (semanticEqual(generationOf(next), generationOf(old))) copyGeneration(next, generation);
      else metadataFor(next).generation = (generation ?? 0) + 1;
    },
    validate(obj) {
      // Reviews and bindings are questions and orders, not objects: they have no name of their own.
      if (!info.verbs.includes("get")) return [];
      return [
        ...validateObjectMeta(metaOf(obj), info.namespaced, checkName, METADATA),
        ...(anyFinalizer ? [] : validateKubeFinalizers(metaOf(obj), METADATA)),
      ];
    },
    validateUpdate(next, old) {
      return [
        ...validateObjectMetaUpdate(metaOf(next), metaOf(old), METADATA),
        ...(anyFinalizer ? [] : validateKubeFinalizers(metaOf(next), METADATA)),
      ];
    },
    subresources: Object.fromEntries(
      Object.keys(info.subresources).map((name) => [
        name,
        // Metadata stays within its rules everywhere: what /status let in, a later update of the object would refuse.
        { ...(name === "status" ? STATUS : {}), validateUpdate: subresourceMetadata },
      ]),
    ),
  };
}

/** /status: everything but status and metadata is kept as it was. */
const STATUS: Partial<Strategy> = {
  // Controllers write it, and warnings are for people.
  warnings: () => [],
  resetFields: WITHOUT_SPEC,
  prepareForUpdate(next, old) {
    keepAllBut(next, old, ["apiVersion", "kind", "metadata", "status"]);
    copyGeneration(next, metaOf(old).generation);
    keepMetadata(next, old, "deletionTimestamp");
  },
};

/** /status of kinds that let it change status alone, and no metadata. */
export const STATUS_WITHOUT_METADATA: Partial<Strategy> = {
  resetFields: withoutFields(["spec"], ["metadata"]),
  prepareForUpdate: resetMetadata,
};

const RESET_METADATA = [
  "annotations",
  "deletionTimestamp",
  "finalizers",
  "generation",
  "labels",
  "ownerReferences",
] as const;

/** What people and controllers write of metadata, as it was (upstream: metav1.ResetObjectMetaForStatus). */
export function resetMetadata(next: KubeObject, old: KubeObject): void {
  const target = metadataFor(next) as Record<string, unknown>;
  const source = metaOf(old);
  for (const field of RESET_METADATA) {
    if (source[field] === undefined) delete target[field];
    else target[field] = source[field];
  }
}

/** Puts back every field of `old` except the named ones. */
export function keepAllBut(next: KubeObject, old: KubeObject, except: readonly string[]): void {
  const target = next as Record<string, unknown>;
  const source = old as Record<string, unknown>;
  for (const key of Object.keys(target)) if (!except.includes(key) && !Object.hasOwn(source, key)) delete target[key];
  for (const key of Object.keys(source)) if (!except.includes(key)) setKey(target, key, source[key]);
}

/** Puts back one field of the old object. */
export function keep(next: KubeObject, old: KubeObject, field: string): void {
  const target = next as Record<string, unknown>;
  const value = (old as Record<string, unknown>)[field];
  if (value === undefined) delete target[field];
  else target[field] = value;
}

function keepMetadata(next: KubeObject, old: KubeObject, field: "deletionTimestamp"): void {
  const value = metaOf(old)[field];
  if (value === undefined) delete metadataFor(next)[field];
  else metadataFor(next)[field] = value;
}

function copyGeneration(obj: KubeObject, generation: number | undefined): void {
  if (generation === undefined) delete metadataFor(obj).generation;
  else metadataFor(obj).generation = generation;
}

/** The object's metadata, made when missing. */
export const metadataFor = (obj: KubeObject): NonNullable<KubeObject["metadata"]> => (obj.metadata ??= {});

/** The status that a type has before anyone reports one, with its zero values. */
function statusMaker(info: ResourceInfo): () => unknown {
  let empty: unknown;
  return () => {
    if (empty === undefined) {
      const schema = schemaFor(info);
      const obj: Parts = {};
      if (schema) validateShape(schema, obj);
      empty = obj.status ?? {};
    }
    return cloneJson(empty);
  };
}
