import { createHash } from "node:crypto";
import { encodeOpenapiV2 } from "../protobuf/openapi.ts";
import { encodeOpenapiV3 } from "../protobuf/openapi-v3.ts";
import type { Descriptions } from "./descriptions.ts";
import type { Facts } from "./facts.ts";
import { META } from "./facts.ts";
import { VERSION_INFO, openapiDefinitions } from "./openapi-definitions.ts";
import type { Json } from "./openapi-definitions.ts";
import { PathWriter } from "./openapi-paths.ts";
import type { ParameterTexts } from "./openapi-parameters.ts";

const INFO = { title: "Kubernetes", version: "v1.36.0" };
const SECURITY_V2 = {
  BearerToken: { description: "Bearer Token authentication", in: "header", name: "authorization", type: "apiKey" },
};

/** Files of the OpenAPI documents by path: v2.json, the same in protobuf as v2.pb, v3/<group version>.json
 * and .pb, and v3/index.json. */
export function writeOpenAPI(
  facts: Facts,
  texts: Descriptions,
  parameters: ParameterTexts,
): Map<string, string | Uint8Array> {
  const files = new Map<string, string | Uint8Array>();
  const paths = new PathWriter(facts, parameters).writeAll();
  const meta = [
    "APIGroupList",
    "APIVersions",
    "APIResourceList",
    "APIGroup",
    "Status",
    "DeleteOptions",
    "WatchEvent",
    "Patch",
  ];
  const roots = [...referenced(paths), ...meta.map((name) => `${META}.${name}`), VERSION_INFO];
  const v2 = {
    definitions: openapiDefinitions(facts, texts, roots, "v2"),
    info: INFO,
    paths,
    security: [{ BearerToken: [] }],
    securityDefinitions: SECURITY_V2,
    swagger: "2.0",
  };
  files.set("openapi/v2.json", JSON.stringify(v2));
  files.set("openapi/v2.pb", encodeOpenapiV2(v2));
  const index: Record<string, Json> = {};
  for (const [group, members] of byGroupVersion(paths)) {
    const document = documentV3(facts, texts, members);
    const text = JSON.stringify(document);
    const hash = createHash("sha512").update(text).digest("hex").toUpperCase();
    const file = `openapi/v3/${group.replaceAll("/", "__")}`;
    files.set(`${file}.json`, text);
    files.set(`${file}.pb`, encodeOpenapiV3(document));
    index[group] = { serverRelativeURL: `/openapi/v3/${group}?hash=${hash}` };
  }
  files.set("openapi/v3/index.json", JSON.stringify({ paths: index }));
  return files;
}

/** "/apis/apps/v1/…" → "apis/apps/v1"; what belongs to no version stands under its group or "version". */
function byGroupVersion(paths: Record<string, Json>): Map<string, Record<string, Json>> {
  const groups = new Map<string, Record<string, Json>>();
  for (const [path, item] of Object.entries(paths)) {
    const parts = path.split("/").filter(Boolean);
    const depth = parts[0] === "api" ? 2 : parts[0] === "apis" ? 3 : parts.length;
    const key = parts.slice(0, depth).join("/");
    const members = groups.get(key) ?? {};
    members[path] = item;
    groups.set(key, members);
  }
  return groups;
}

function documentV3(facts: Facts, texts: Descriptions, paths: Record<string, Json>): Json {
  const converted = Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, pathItemV3(item)]));
  const roots = referenced(converted);
  return {
    openapi: "3.0.0",
    info: INFO,
    paths: converted,
    components: {
      schemas: openapiDefinitions(facts, texts, roots, "v3"),
      securitySchemes: SECURITY_V2,
    },
  };
}

/** Names of the models that operations refer to. */
function referenced(paths: Record<string, Json>): Set<string> {
  const names = new Set<string>();
  JSON.stringify(paths, (key, value: unknown) => {
    if (key === "$ref" && typeof value === "string") names.add(value.slice(value.lastIndexOf("/") + 1));
    return value;
  });
  return names;
}

function pathItemV3(item: Json): Json {
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [
      key,
      key === "parameters" ? (value as Json[]).map(parameterV3) : operationV3(value as Json),
    ]),
  );
}

function operationV3(operation: Json): Json {
  const { consumes, produces, schemes: _schemes, parameters = [], responses, ...rest } = operation;
  const all = parameters as Json[];
  const payload = all.find((parameter) => parameter.in === "body");
  const others = all.filter((parameter) => parameter.in !== "body");
  const types = produces as string[];
  const content = (mediaTypes: string[], schema: unknown): Json =>
    Object.fromEntries(mediaTypes.map((type) => [type, { schema: moveRefs(schema) }]));
  const answers = Object.entries(responses as Record<string, Json>).map(([code, { schema, ...response }]) => [
    code,
    { ...response, ...(schema ? { content: content(types, schema) } : {}) },
  ]);
  return {
    ...rest,
    ...(others.length > 0 ? { parameters: others.map(parameterV3) } : {}),
    ...(payload
      ? {
          requestBody: {
            content: content(consumes as string[], payload.schema),
            ...(payload.required ? { required: true } : {}),
          },
        }
      : {}),
    responses: Object.fromEntries(answers),
  };
}

function parameterV3(parameter: Json): Json {
  const { type, uniqueItems, ...rest } = parameter;
  return { ...rest, schema: { type, uniqueItems } };
}

/** References of a v2 schema point to where v3 keeps its schemas. */
function moveRefs(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema).replaceAll("#/definitions/", "#/components/schemas/")) as unknown;
}
