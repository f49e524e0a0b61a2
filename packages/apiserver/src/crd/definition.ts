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
import type { Strategy } from "../strategies/types.ts";
import { nameIsDNSSubdomain } from "../strategies/validation/names.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "../strategies/validation/metadata.ts";
import { fieldsOfPath, parseJsonPath } from "./simple-json-path.ts";
import { applyDefaults } from "./structural.ts";
import { toTypeSchema } from "./type-schema.ts";
import { validateValue } from "./validate.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const METADATA = FieldPath.root("metadata");

/** A version of a custom resource, prepared for serving. */
export interface CustomVersion {
  readonly version: CustomResourceDefinitionVersion;
  readonly info: ResourceInfo;
  readonly schema: JSONSchemaProps | undefined;
  readonly typeSchema: TypeSchema;
  readonly scale: ScaleAccess | undefined;
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
    };
  });
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

/** The rules of a custom resource; `current` gives the storage version as it is defined at the moment. */
export function customStrategy(current: () => CustomVersion): Strategy {
  const hasStatus = (): boolean => current().info.subresources.status !== undefined;
  const check = (object: KubeObject): FieldError[] => {
    const { schema } = current();
    const errors: FieldError[] = [];
    if (schema !== undefined) validateValue(object, schema, undefined, errors);
    return errors;
  };
  const validateUpdate = (next: KubeObject, old: KubeObject): FieldError[] => [
    ...validateObjectMetaUpdate(next.metadata ?? {}, old.metadata ?? {}, METADATA),
    ...check(next),
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
    validate: (object) => [
      ...validateObjectMeta(object.metadata ?? {}, current().info.namespaced, nameIsDNSSubdomain, METADATA),
      ...check(object),
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
      for (const { jsonPath } of current().version.selectableFields ?? []) {
        const [value] = parseJsonPath(jsonPath)(object);
        labels[jsonPath.replace(/^\./, "")] =
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
