import { META } from "./facts.ts";
import type { Json } from "./openapi-definitions.ts";
import { COLLECTION_PARAMETERS, DELETE_PARAMETERS, LIST_PARAMETERS, WRITE_PARAMETERS } from "./openapi-parameters.ts";
import type { ParameterTexts } from "./openapi-parameters.ts";

export const PRODUCES = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/cbor",
];
const WATCH_PRODUCES = [
  ...PRODUCES,
  "application/json;stream=watch",
  "application/vnd.kubernetes.protobuf;stream=watch",
  "application/cbor-seq",
];
export const DISCOVERY = PRODUCES.slice(0, 3);
const PATCHES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
  "application/apply-patch+cbor",
];
/** Kinds whose deletion answers with the object. */
const RETURNS_OBJECT = new Set(
  "CSIDriver CSINode DeviceClass PersistentVolume PersistentVolumeClaim Pod PodTemplate ResourceClaim ResourceClaimTemplate ResourceQuota ResourceSlice Service ServiceAccount StorageClass VolumeAttachment VolumeAttributesClass".split(
    " ",
  ),
);

export const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const article = (kind: string): string => (kind === "Endpoints" ? "" : /^[AEIOU]/.test(kind) ? "an " : "a ");
export const ref = (model: string): Json => ({ $ref: `#/definitions/${model}` });

/** What the operations of one resource or subresource share. */
export interface Operations {
  readonly texts: ParameterTexts;
  readonly model: string;
  readonly kind: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly tag: string;
  readonly gvk: Json;
  readonly verbs: readonly string[];
  responses(schemas: Record<number, Json | undefined>): Json;
  query(names: readonly string[], request?: string): Json[];
}

const body = (model: string, required: boolean): Json => ({
  in: "body",
  name: "body",
  ...(required ? { required: true } : {}),
  schema: ref(model),
});

function operation(api: Operations, action: string, id: string, description: string, rest: Json): Json {
  return {
    consumes: ["*/*"],
    description,
    operationId: id,
    produces: PRODUCES,
    ...rest,
    schemes: ["https"],
    tags: [api.tag],
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": api.gvk,
  };
}

export function listOperation(api: Operations, id: string): Json {
  const watches = api.verbs.includes("watch") && api.kind !== "ComponentStatus";
  return operation(api, "list", id, `list ${watches ? "or watch " : ""}objects of kind ${api.kind}`, {
    parameters: api.query(LIST_PARAMETERS),
    produces: WATCH_PRODUCES,
    responses: api.responses({ 200: ref(`${api.model}List`) }),
  });
}

export function collectionOperations(api: Operations): Record<string, Json> {
  const operations: Record<string, Json> = {};
  if (api.verbs.includes("list")) {
    const list = listOperation(api, `list${api.prefix}${api.suffix}`);
    operations.get = api.kind === "ComponentStatus" ? { ...list, parameters: undefined } : list;
  }
  if (api.verbs.includes("create")) {
    const parameters = [body(api.model, true), ...api.query(WRITE_PARAMETERS)];
    operations.post = operation(
      api,
      "post",
      `create${api.prefix}${api.suffix}`,
      `create ${article(api.kind)}${api.kind}`,
      {
        parameters,
        responses: api.responses({ 200: ref(api.model), 201: ref(api.model), 202: ref(api.model) }),
      },
    );
  }
  if (api.verbs.includes("deletecollection")) {
    const id = `delete${api.prefix}Collection${api.suffix}`;
    operations.delete = operation(api, "deletecollection", id, `delete collection of ${api.kind}`, {
      parameters: [
        body(`${META}.DeleteOptions`, false),
        ...api.query([...DELETE_PARAMETERS, ...COLLECTION_PARAMETERS].toSorted()),
      ],
      responses: api.responses({ 200: ref(`${META}.Status`) }),
    });
  }
  return operations;
}

export function itemOperations(api: Operations): Record<string, Json> {
  const operations = readAndWrite(api, "the specified ");
  if (api.verbs.includes("delete")) {
    const answer = RETURNS_OBJECT.has(api.kind) ? api.model : `${META}.Status`;
    operations.delete = operation(
      api,
      "delete",
      `delete${api.prefix}${api.suffix}`,
      `delete ${article(api.kind)}${api.kind}`,
      {
        parameters: [body(`${META}.DeleteOptions`, false), ...api.query(DELETE_PARAMETERS)],
        responses: api.responses({ 200: ref(answer), 202: ref(answer) }),
      },
    );
  }
  return operations;
}

export function subresourceOperations(api: Operations, kind: string, sub: string): Record<string, Json> {
  return readAndWrite({ ...api, kind }, `${sub} of the specified `);
}

function readAndWrite(api: Operations, what: string): Record<string, Json> {
  const operations: Record<string, Json> = {};
  const answers = { 200: ref(api.model), 201: ref(api.model) };
  if (api.verbs.includes("get")) {
    operations.get = operation(api, "get", `read${api.prefix}${api.suffix}`, `read ${what}${api.kind}`, {
      responses: api.responses({ 200: ref(api.model) }),
    });
  }
  if (api.verbs.includes("patch")) {
    operations.patch = operation(
      api,
      "patch",
      `patch${api.prefix}${api.suffix}`,
      `partially update ${what}${api.kind}`,
      {
        consumes: PATCHES,
        parameters: [body(`${META}.Patch`, true), ...api.query([...WRITE_PARAMETERS, "force"])],
        responses: api.responses(answers),
      },
    );
  }
  if (api.verbs.includes("update")) {
    operations.put = operation(api, "put", `replace${api.prefix}${api.suffix}`, `replace ${what}${api.kind}`, {
      parameters: [body(api.model, true), ...api.query(WRITE_PARAMETERS)],
      responses: api.responses(answers),
    });
  }
  return operations;
}

export function watchOperation(api: Operations, id: string, description: string, action: string): Json {
  return operation(api, action, id, description, {
    produces: WATCH_PRODUCES,
    responses: api.responses({ 200: ref(`${META}.WatchEvent`) }),
  });
}

export function createSubresource(api: Operations, kind: string, sub: string): Json {
  return operation(api, "post", `create${api.prefix}${api.suffix}`, `create ${sub} of ${article(kind)}${kind}`, {
    parameters: [body(api.model, true)],
    responses: api.responses({ 200: ref(api.model), 201: ref(api.model), 202: ref(api.model) }),
  });
}

export function logOperation(api: Operations): Json {
  return operation(api, "get", `read${api.prefix}${api.suffix}`, `read log of the specified ${api.kind}`, {
    produces: ["text/plain", ...PRODUCES],
    responses: api.responses({ 200: { type: "string" } }),
  });
}

export function connectOperations(api: Operations, kind: string, sub: string, withPath: string): Record<string, Json> {
  const methods = sub === "proxy" ? ["delete", "get", "head", "options", "patch", "post", "put"] : ["get", "post"];
  return Object.fromEntries(
    methods.map((method) => {
      const id = `connect${api.prefix}${upperFirst(method)}${api.suffix}${withPath}`;
      const description = `connect ${method.toUpperCase()} requests to ${sub} of ${kind}`;
      const rest = { produces: ["*/*"], responses: api.responses({ 200: { type: "string" } }) };
      return [method, operation(api, "connect", id, description, rest)];
    }),
  );
}
