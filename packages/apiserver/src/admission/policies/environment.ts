import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { kubernetesEnvironment, schemaType, types, withVariables } from "@knots/cel";
import type { CelType, Environment, SchemaType } from "@knots/cel";
import { AUTHORIZER, RESOURCE_CHECK, authorization } from "./authorization.ts";
import { JSON_PATCH, jsonPatches } from "@knots/cel/library/json-patches";

const { BOOL, DYN, STRING, listOf, mapOf, struct } = types;

function structOf(name: string, fields: Readonly<Record<string, CelType>>): CelType {
  const known = new Map(Object.entries(fields).map(([field, type]) => [field, { type }]));
  return struct(name, { field: (field) => known.get(field) });
}

const KIND = structOf("kubernetes.GroupVersionKind", { group: STRING, version: STRING, kind: STRING });
const RESOURCE = structOf("kubernetes.GroupVersionResource", { group: STRING, version: STRING, resource: STRING });
const USER = structOf("kubernetes.UserInfo", {
  username: STRING,
  uid: STRING,
  groups: listOf(STRING),
  extra: mapOf(STRING, listOf(STRING)),
});
const REQUEST = structOf("kubernetes.AdmissionRequest", {
  kind: KIND,
  resource: RESOURCE,
  subResource: STRING,
  requestKind: KIND,
  requestResource: RESOURCE,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo: USER,
  dryRun: BOOL,
  options: DYN,
});

const TEXT: JSONSchemaProps = { type: "string" };
const TEXTS: JSONSchemaProps = { type: "array", items: TEXT };
const TEXT_MAP: JSONSchemaProps = { type: "object", additionalProperties: TEXT };
const TIME: JSONSchemaProps = { type: "string", format: "date-time" };

/** What `namespaceObject` shows of a Namespace. */
export const NAMESPACE = schemaType(
  {
    type: "object",
    properties: {
      metadata: {
        type: "object",
        properties: {
          name: TEXT,
          generateName: TEXT,
          namespace: TEXT,
          uid: TEXT,
          labels: TEXT_MAP,
          annotations: TEXT_MAP,
          creationTimestamp: TIME,
          deletionTimestamp: TIME,
          deletionGracePeriodSeconds: { type: "integer" },
          generation: { type: "integer" },
          resourceVersion: TEXT,
          finalizers: TEXTS,
        },
      },
      spec: { type: "object", properties: { finalizers: TEXTS } },
      status: { type: "object", properties: { phase: TEXT } },
    },
  },
  false,
  "kubernetes.Namespace",
) as SchemaType;

/** `Object{…}` and what is inside of it: names of types follow the path, and any field is allowed at compile time. */
function objectStruct(name: string): CelType | undefined {
  if (name === "JSONPatch") return JSON_PATCH;
  if (!/^Object(?:\.\w+)*$/.test(name)) return undefined;
  // The kinds a policy matches are known only when it runs: values are checked when they are applied.
  return struct(name, { field: () => ({ type: DYN }) });
}

/** What match conditions see: the authorizer, too. Patches are for the policies that mutate. */
export const MATCH_CONDITION: Environment = withVariables(kubernetesEnvironment([authorization, jsonPatches]), {
  object: DYN,
  oldObject: DYN,
  request: REQUEST,
  authorizer: AUTHORIZER,
  "authorizer.requestResource": RESOURCE_CHECK,
});

/** What the expressions of a policy see, beside its own `variables`. */
export function policyEnvironment(options: { params: boolean; authorizer?: boolean; mutates?: boolean }): Environment {
  const base = options.authorizer === false ? withoutAuthorizer(MATCH_CONDITION) : MATCH_CONDITION;
  const env = withVariables(base, {
    namespaceObject: NAMESPACE.type,
    ...(options.params ? { params: DYN } : {}),
  });
  return options.mutates === true ? { ...env, structNamed: objectStruct } : env;
}

/** Messages may not ask for decisions: nothing depends on them. */
function withoutAuthorizer(env: Environment): Environment {
  const variables = new Map(env.variables);
  variables.delete("authorizer");
  variables.delete("authorizer.requestResource");
  return { ...env, variables };
}

/** The environment with the struct of the variables defined so far. */
export function withPolicyVariables(env: Environment, defined: ReadonlyMap<string, CelType>): Environment {
  return withVariables(env, {
    variables: struct("kubernetes.variables", {
      field(name) {
        const type = defined.get(name);
        return type === undefined ? undefined : { type };
      },
    }),
  });
}
