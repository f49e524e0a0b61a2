import { openapiV3Text } from "@knots/api";
import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import type { OpenApiSource } from "../openapi/openapi.ts";
import { apiVersionOf } from "../registry/served.ts";
import type { CustomVersion } from "./definition.ts";

const GVK = "x-kubernetes-group-version-kind";
const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
/** What every custom schema says of the fields it does not describe. */
const TYPE_FIELDS = {
  apiVersion: {
    type: "string",
    description: "APIVersion defines the versioned schema of this representation of an object.",
  },
  kind: {
    type: "string",
    description: "Kind is a string value representing the REST resource this object represents.",
  },
};

type Json = Record<string, unknown>;

/** The OpenAPI of custom resources: a v3 document per group and version, and what the v2 document gains. */
export function customOpenApi(versions: () => Iterable<CustomVersion>): OpenApiSource {
  return {
    v3() {
      const documents = new Map<string, Json>();
      for (const version of versions()) {
        const { group, version: name } = version.info;
        const key = `apis/${group}/${name}`;
        const document = documents.get(key) ?? emptyDocument();
        documents.set(key, document);
        Object.assign(document.paths as Json, paths(version, "#/components/schemas/", true));
        const { schemas } = document.components as { schemas: Json };
        Object.assign(
          schemas,
          definitions(version, "#/components/schemas/", (schema) => publish(schema, false)),
          sharedSchemas(),
        );
      }
      return documents;
    },
    v2() {
      const result = { definitions: {} as Json, paths: {} as Json };
      for (const version of versions()) {
        Object.assign(result.paths, paths(version, "#/definitions/", false));
        Object.assign(
          result.definitions,
          definitions(version, "#/definitions/", (schema) =>
            // An object of any fields: v2's clients would refuse what they do not find described.
            schema["x-kubernetes-preserve-unknown-fields"] === true ? undefined : publish(schema, true),
          ),
        );
      }
      return result;
    },
  };
}

/** The types that the metadata of custom resources is made of. */
const SHARED = ["ObjectMeta", "ListMeta", "OwnerReference", "ManagedFieldsEntry", "FieldsV1", "Time"].map(
  (name) => `${META}.${name}`,
);
let shared: Json | undefined;

/** Their schemas, as the built-in documents have them. */
function sharedSchemas(): Json {
  if (shared !== undefined) return shared;
  const text = openapiV3Text("apis/apiextensions.k8s.io/v1");
  if (text === undefined) throw new Error("the OpenAPI document of apiextensions.k8s.io/v1 is missing");
  const { schemas } = (JSON.parse(text) as { components: { schemas: Json } }).components;
  shared = Object.fromEntries(SHARED.map((name) => [name, schemas[name]]));
  return shared;
}

function emptyDocument(): Json {
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes CRD Swagger", version: "v0.1.0" },
    paths: {},
    components: { schemas: {} },
  };
}

/** "com.example.v1.Kind": the group's labels reversed. */
function modelName({ info }: CustomVersion): string {
  return `${info.group.split(".").reverse().join(".")}.${info.version}.${info.kind}`;
}

function definitions(
  version: CustomVersion,
  ref: string,
  convert: (schema: JSONSchemaProps) => Json | undefined,
): Json {
  const { info, schema } = version;
  const { group, version: v, kind, listKind } = info;
  const body = schema === undefined ? undefined : convert(schema);
  const name = modelName(version);
  return {
    [name]: {
      ...(body === undefined
        ? { type: "object" }
        : {
            ...body,
            properties: {
              ...TYPE_FIELDS,
              metadata: metadataRef("Standard object's metadata.", `${ref}${META}.ObjectMeta`),
              ...omit(body.properties as Json | undefined),
            },
          }),
      [GVK]: [{ group, version: v, kind }],
    },
    [`${name}List`]: {
      description: `${listKind} is a list of ${kind}`,
      type: "object",
      required: ["items"],
      properties: {
        ...TYPE_FIELDS,
        metadata: metadataRef("Standard list metadata.", `${ref}${META}.ListMeta`),
        items: { description: `List of ${info.resource}.`, type: "array", items: { $ref: `${ref}${name}` } },
      },
      [GVK]: [{ group, version: v, kind: listKind }],
    },
  };
}

/** v3 has nothing beside a reference; v2's readers look for it beside the description, and nowhere else. */
function metadataRef(description: string, $ref: string): Json {
  return $ref.startsWith("#/definitions/") ? { description, $ref } : { description, allOf: [{ $ref }] };
}

function omit(properties: Json | undefined): Json {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...rest } = properties ?? {};
  return rest;
}

/** The published schema; v2 cannot say everything that v3 can, and drops it as upstream does. */
function publish(schema: JSONSchemaProps, v2: boolean): Json {
  if (v2 && schema["x-kubernetes-preserve-unknown-fields"] === true) {
    const { description, type } = schema;
    // Without a type anything may stand there, null too: old clients take an object for one of described values.
    return {
      ...(description === undefined ? {} : { description }),
      ...(type === undefined || type === "object" || type === "array" ? {} : { type }),
      "x-kubernetes-preserve-unknown-fields": true,
    };
  }
  const { properties, items, additionalProperties, nullable, allOf, oneOf, anyOf, not, required, ...rest } = schema;
  if (v2 && nullable === true) {
    // A value that may be null has no type, and nothing below it, in v2 that every client understands.
    const { type: _type, ...untyped } = rest;
    return untyped;
  }
  const inner = (value: JSONSchemaProps): Json => publish(value, v2);
  const result: Json = { ...rest };
  // What may be null cannot be asked for there either.
  const needed = v2 ? required?.filter((name) => properties?.[name]?.nullable !== true) : required;
  if (needed !== undefined && needed.length > 0) result.required = needed;
  if (properties !== undefined) {
    result.properties = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, inner(value)]));
  }
  if (items !== undefined) result.items = inner(Array.isArray(items) ? (items[0] ?? {}) : items);
  if (typeof additionalProperties === "object") result.additionalProperties = inner(additionalProperties);
  else if (additionalProperties !== undefined) result.additionalProperties = additionalProperties;
  if (v2) {
    // Nor do they understand a list of nothing in particular.
    if (result.type === "array" && items === undefined) delete result.type;
    return result;
  }
  return {
    ...result,
    ...(nullable === undefined ? {} : { nullable }),
    ...(allOf === undefined ? {} : { allOf }),
    ...(oneOf === undefined ? {} : { oneOf }),
    ...(anyOf === undefined ? {} : { anyOf }),
    ...(not === undefined ? {} : { not }),
  };
}

const QUERY = ["dryRun", "fieldManager", "fieldValidation", "pretty"];

function paths(version: CustomVersion, ref: string, v3: boolean): Json {
  const { info } = version;
  const collection = `/apis/${apiVersionOf(info)}${info.namespaced ? "/namespaces/{namespace}" : ""}/${info.resource}`;
  const name = modelName(version);
  const make = (action: string, kind: string, method: string): Json =>
    operation(info, action, `${ref}${kind}`, method, v3);
  const item: Json = {
    get: make("get", name, "get"),
    put: make("put", name, "put"),
    patch: make("patch", name, "patch"),
    delete: make("delete", name, "delete"),
  };
  const result: Json = {
    [collection]: {
      get: make("list", `${name}List`, "get"),
      post: make("post", name, "post"),
      delete: make("deletecollection", name, "delete"),
    },
    [`${collection}/{name}`]: item,
  };
  if (info.namespaced) {
    result[`/apis/${apiVersionOf(info)}/${info.resource}`] = { get: make("list", `${name}List`, "get") };
  }
  if (info.subresources.status !== undefined) {
    result[`${collection}/{name}/status`] = {
      get: make("get", name, "get"),
      put: make("put", name, "put"),
      patch: make("patch", name, "patch"),
    };
  }
  return result;
}

function operation(info: CustomVersion["info"], action: string, ref: string, method: string, v3: boolean): Json {
  const { group, version, kind } = info;
  const parameter = (name: string): Json => ({
    name,
    in: "query",
    uniqueItems: true,
    ...(v3 ? { schema: { type: "string", uniqueItems: true } } : { type: "string" }),
  });
  const schema = { $ref: ref };
  const writes = method === "post" || method === "put" || method === "patch";
  return {
    operationId: `${action}${group.split(".").map(capital).join("")}${capital(version)}${info.namespaced ? "Namespaced" : ""}${kind}`,
    ...(writes || method === "delete" ? { parameters: QUERY.map(parameter) } : {}),
    ...(v3 && writes ? { requestBody: { content: { "application/json": { schema } } } } : {}),
    responses: {
      200: { description: "OK", ...(v3 ? { content: { "application/json": { schema } } } : { schema }) },
      401: { description: "Unauthorized" },
    },
    "x-kubernetes-action": action,
    [GVK]: { group, version, kind },
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
