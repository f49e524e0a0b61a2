import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from "@knots/api/apiextensions/v1";
import type { ResourceInfo, SubresourceInfo } from "@knots/api";
import type { KubeObject, TypeSchema } from "@knots/machinery";
import { FieldPath } from "@knots/machinery";
import { onlyFields, withoutFields } from "@knots/machinery/managed-fields/index";
import type { FieldError } from "@knots/machinery";
import { deepEqual } from "../registry/metadata.ts";
import type { ScaleAccess } from "../registry/special/scale.ts";
import type { Strategy, StrategyContext } from "../strategies/types.ts";
import { nameIsDNSSubdomain } from "../strategies/validation/names.ts";
import { finalizerWarnings, validateObjectMeta, validateObjectMetaUpdate } from "../strategies/validation/metadata.ts";
import { fieldsOfPath, parseJsonPath } from "./simple-json-path.ts";
import { applyDefaults } from "./structural.ts";
import { toTypeSchema } from "./type-schema.ts";
import { checkObject } from "./check-object.ts";
import { compileRules } from "./rules/rule-tree.ts";
import type { RuleNode } from "./rules/rule-tree.ts";
import type { RuleResult } from "./rules/run-rules.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const METADATA = FieldPath.root("metadata");

/** A version of a custom resource, prepared for serving. */
export interface CustomVersion {
  readonly version: CustomResourceDefinitionVersion;
  readonly info: ResourceInfo;
  readonly schema: JSONSchemaProps | undefined;
  readonly typeSchema: TypeSchema;
  readonly scale: ScaleAccess | undefined;
  /** The rules of the schema, compiled when the first object is written. */
  rules(): RuleNode | undefined;
}

/** The versions of a custom resource as they are defined at the moment. */
export interface CustomVersions {
  /** The version that is stored. */
  current(): CustomVersion;
  /** The version that a request speaks; the stored one where objects differ between versions. */
  spoken(apiVersion: string | undefined): CustomVersion;
  /** Paths of the fields by which objects can be selected in any version that is served. */
  selectable(): readonly string[];
  /** The definition is being deleted, and its objects with it. */
  terminating(): boolean;
}

/** The versions of a definition, served or not: the stored one need not be served. */
export function versionsOf(crd: CustomResourceDefinition): CustomVersion[] {
  return crd.spec.versions.map((version) => {
    const schema = version.schema?.openAPIV3Schema;
    return {
      version,
      info: infoOf(crd, version),
      schema,
      typeSchema: toTypeSchema(schema ?? { type: "object" }, true),
      scale: scaleOf(version),
      rules: once(() => (schema === undefined ? undefined : compileRules(schema))),
    };
  });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function infoOf(crd: CustomResourceDefinition, version: CustomResourceDefinitionVersion): ResourceInfo {
  const { group, names, scope } = crd.spec;
  const sub = (kind: string, g: string, v: string): SubresourceInfo => ({
    verbs: ["get", "patch", "update"],
    group: g,
    version: v,
    kind,
  });
  const { status, scale } = version.subresources ?? {};
  return {
    group,
    version: version.name,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    namespaced: scope === "Namespaced",
    verbs: VERBS,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    subresources: {
      ...(status === undefined ? {} : { status: sub(names.kind, group, version.name) }),
      ...(scale === undefined ? {} : { scale: sub("Scale", "autoscaling", "v1") }),
    },
  };
}

function scaleOf(version: CustomResourceDefinitionVersion): ScaleAccess | undefined {
  const { scale } = version.subresources ?? {};
  if (scale === undefined) return undefined;
  const selector = scale.labelSelectorPath;
  return {
    specReplicas: fieldsOfPath(scale.specReplicasPath),
    statusReplicas: fieldsOfPath(scale.statusReplicasPath),
    selector(object) {
      if (selector === undefined || selector === "") return "";
      const [value] = parseJsonPath(selector)(object);
      return typeof value === "string" ? value : "";
    },
  };
}

interface Parts {
  spec?: unknown;
  status?: unknown;
}

/** What was found in objects that are about to be validated. */
export type CheckedObjects = WeakMap<KubeObject, RuleResult>;

/** The rules of a custom resource. What stands in `checked` was checked before, and is not checked again. */
export function customStrategy(versions: CustomVersions, checked: CheckedObjects): Strategy {
  const current = (): CustomVersion => versions.current();
  const hasStatus = (): boolean => current().info.subresources.status !== undefined;
  /** What was said of an object while it was checked. */
  const said = new WeakMap<KubeObject, readonly string[]>();
  const check = (object: KubeObject, old: KubeObject | undefined, ctx: StrategyContext): FieldError[] => {
    const { errors, warnings } = checked.get(object) ?? checkObject(versions.spoken(ctx.apiVersion), object, old);
    if (warnings.length > 0) said.set(object, warnings);
    return [...errors];
  };
  const validateUpdate = (next: KubeObject, old: KubeObject, ctx: StrategyContext): FieldError[] => [
    ...validateObjectMetaUpdate(next.metadata ?? {}, old.metadata ?? {}, METADATA),
    ...check(next, old, ctx),
  ];
  const withStatus = withoutFields(["status"]);
  return {
    resetFields: (set) => (hasStatus() ? withStatus(set) : set),
    // An update must say which state it means, as for every kind that came after the first ones.
    allowUnconditionalUpdate: false,
    prepareForCreate(object) {
      if (hasStatus()) delete (object as Parts).status;
      (object.metadata ??= {}).generation = 1;
    },
    prepareForUpdate(next, old) {
      if (hasStatus()) copyField(next, old, "status");
      const generation = old.metadata?.generation ?? 1;
      const moved = !deepEqual(withoutMetadata(next, hasStatus()), withoutMetadata(old, hasStatus()));
      (next.metadata ??= {}).generation = moved ? generation + 1 : generation;
    },
    validate: (object, ctx) => [
      ...validateObjectMeta(object.metadata ?? {}, current().info.namespaced, nameIsDNSSubdomain, METADATA),
      ...check(object, undefined, ctx),
    ],
    warnings: (object, old) => [
      ...finalizerWarnings(object.metadata ?? {}, old?.metadata, METADATA),
      ...(said.get(object) ?? []),
    ],
    validateUpdate,
    subresources: {
      status: {
        resetFields: onlyFields(["status"]),
        prepareForUpdate(next, old) {
          const { status } = next as Parts;
          const { managedFields } = next.metadata ?? {};
          for (const key of Object.keys(next)) delete (next as Record<string, unknown>)[key];
          Object.assign(next, structuredClone(old));
          if (managedFields !== undefined) (next.metadata ??= {}).managedFields = managedFields;
          if (status === undefined) delete (next as Parts).status;
          else (next as Parts).status = status;
        },
        validateUpdate,
      },
    },
    fieldLabels(object) {
      const labels: Record<string, string> = {};
      for (const jsonPath of versions.selectable()) {
        const [value] = parseJsonPath(jsonPath)(object);
        labels[fieldLabel(jsonPath)] =
          value === undefined || value === null ? "" : String(value as string | number | boolean);
      }
      return labels;
    },
    defaults(object) {
      const { schema } = current();
      if (schema !== undefined) applyDefaults(object, schema);
    },
  };
}

/** The name by which a field selector means a path. */
export function fieldLabel(jsonPath: string): string {
  return jsonPath.replace(/^\./, "");
}

function copyField(next: KubeObject, old: KubeObject, field: "status"): void {
  const value = (old as Parts)[field];
  if (value === undefined) delete (next as Parts)[field];
  else (next as Parts)[field] = value;
}

function withoutMetadata(object: KubeObject, withoutStatus: boolean): unknown {
  const { metadata: _metadata, ...rest } = object as KubeObject & Parts;
  if (withoutStatus) delete rest.status;
  return rest;
}
