import type { ResourceInfo, SubresourceInfo } from "../resource-info.ts";
import type { FactPackage, Facts } from "./facts.ts";
import { META } from "./facts.ts";
import type { Json } from "./openapi-definitions.ts";
import { isServed } from "./openapi-definitions.ts";
import {
  DISCOVERY,
  PRODUCES,
  collectionOperations,
  connectOperations,
  createSubresource,
  itemOperations,
  listOperation,
  logOperation,
  ref,
  subresourceOperations,
  upperFirst,
  watchOperation,
} from "./openapi-operations.ts";
import type { Operations } from "./openapi-operations.ts";
import { LIST_PARAMETERS, WRITE_PARAMETERS, pathParameter, queryParameter } from "./openapi-parameters.ts";
import type { ParameterTexts } from "./openapi-parameters.ts";
import { resourceInfo } from "./write-resources.ts";

const OBJECT_SCOPE = "object name and auth scope, such as for teams and projects";
const WATCH_NOTE = "deprecated: use the 'watch' parameter with a list operation instead";

/** "rbac.authorization.k8s.io" → "RbacAuthorization"; the core group → "Core". */
export function groupPrefix(group: string): string {
  const trimmed = group === "" ? "core" : group.replace(/\.k8s\.io$/, "");
  return trimmed.split(".").map(upperFirst).join("");
}
const groupTag = (group: string): string => groupPrefix(group).replace(/^[A-Z]/, (head) => head.toLowerCase());

/** Paths and operations of the whole API, in OpenAPI v2 form. */
export class PathWriter {
  readonly paths: Record<string, Json> = {};
  readonly #facts: Facts;
  readonly #texts: ParameterTexts;

  constructor(facts: Facts, texts: ParameterTexts) {
    this.#facts = facts;
    this.#texts = texts;
  }

  writeAll(): Record<string, Json> {
    this.#discovery("/api/", "getCoreAPIVersions", "get available API versions", "core", "APIVersions", DISCOVERY);
    this.#discovery("/apis/", "getAPIVersions", "get available API versions", "apis", "APIGroupList", DISCOVERY);
    for (const pkg of this.#facts.packages.filter((each) => isServed(each) && this.#hasResources(each)))
      this.#group(pkg);
    for (const resource of this.#facts.resources) this.#resource(resourceInfo(this.#facts, resource));
    const version = {
      consumes: ["application/json"],
      description: "get the version information for this server",
      operationId: "getCodeVersion",
      produces: ["application/json"],
      responses: this.#responses({ 200: ref("io.k8s.apimachinery.pkg.version.Info") }),
      schemes: ["https"],
      tags: ["version"],
    };
    this.paths["/version/"] = { get: version };
    this.#keys(
      "/.well-known/openid-configuration/",
      "getServiceAccountIssuerOpenIDConfiguration",
      "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
      "WellKnown",
      "application/json",
    );
    this.#keys(
      "/openid/v1/jwks/",
      "getServiceAccountIssuerOpenIDKeyset",
      "get service account issuer OpenID JSON Web Key Set (contains public token verification keys)",
      "openid",
      "application/jwk-set+json",
    );
    return Object.fromEntries(Object.entries(this.paths).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What tells others by which keys service-account tokens are signed: texts, to this document. */
  #keys(path: string, id: string, description: string, tag: string, type: string): void {
    const ok = { description: "OK", schema: { type: "string" } };
    this.paths[path] = {
      get: {
        description,
        operationId: id,
        produces: [type],
        responses: { ...this.#responses({}), 200: ok },
        schemes: ["https"],
        tags: [tag],
      },
    };
  }

  #hasResources(pkg: FactPackage): boolean {
    return this.#facts.resources.some((each) => each.group === pkg.group && each.version === pkg.version);
  }

  #discovery(path: string, id: string, description: string, tag: string, model: string, types: string[]): void {
    this.paths[path] = {
      get: {
        consumes: types,
        description,
        operationId: id,
        produces: types,
        responses: this.#responses({ 200: ref(`${META}.${model}`) }),
        schemes: ["https"],
        tags: [tag],
      },
    };
  }

  #group(pkg: FactPackage): void {
    const prefix = groupPrefix(pkg.group);
    const tag = groupTag(pkg.group);
    const base = pkg.group === "" ? "/api" : `/apis/${pkg.group}`;
    if (pkg.group !== "") {
      this.#discovery(`${base}/`, `get${prefix}APIGroup`, "get information of a group", tag, "APIGroup", DISCOVERY);
    }
    const id = `get${prefix}${upperFirst(pkg.version)}APIResources`;
    const versionTag = `${tag}_${pkg.version}`;
    this.#discovery(`${base}/${pkg.version}/`, id, "get available resources", versionTag, "APIResourceList", PRODUCES);
  }

  #responses(schemas: Record<number, Json | undefined>): Json {
    const texts: Readonly<Record<string, string>> = { 200: "OK", 201: "Created", 202: "Accepted" };
    const entries = Object.entries(schemas).map(([code, schema]) => [
      code,
      { description: texts[code] ?? code, ...(schema ? { schema } : {}) },
    ]);
    return { ...Object.fromEntries(entries), 401: { description: "Unauthorized" } };
  }

  #query(names: readonly string[], request?: string): Json[] {
    return names.map((name) => queryParameter(this.#texts, name, request));
  }

  #resource(info: ResourceInfo): void {
    const pkg = this.#facts.packageOf(info.group, info.version).package;
    const base = info.group === "" ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`;
    const scope = info.namespaced ? `${base}/namespaces/{namespace}` : base;
    const prefix = groupPrefix(info.group) + upperFirst(info.version);
    const namespaced = info.namespaced ? "Namespaced" : "";
    const api: Operations = {
      texts: this.#texts,
      model: `${pkg}.${info.kind}`,
      kind: info.kind,
      prefix,
      suffix: `${namespaced}${info.kind}`,
      tag: `${groupTag(info.group)}_${info.version}`,
      gvk: { group: info.group, kind: info.kind, version: info.version },
      verbs: info.verbs,
      responses: (schemas) => this.#responses(schemas),
      query: (names, request) => this.#query(names, request),
    };
    const namespace = info.namespaced ? [pathParameter("namespace", OBJECT_SCOPE)] : [];
    const name = pathParameter("name", `name of the ${info.kind}`);
    const pretty = this.#query(["pretty"]);
    this.#add(`${scope}/${info.resource}`, collectionOperations(api), [...namespace, ...pretty]);
    this.#add(`${scope}/${info.resource}/{name}`, itemOperations(api), [name, ...namespace, ...pretty]);
    const listParameters = [...this.#query([...LIST_PARAMETERS, "pretty"].toSorted())];
    if (info.verbs.includes("list") && info.namespaced) {
      const all = listOperation(api, `list${prefix}${info.kind}ForAllNamespaces`);
      this.#add(`${base}/${info.resource}`, { get: { ...all, parameters: undefined } }, listParameters);
    }
    if (info.verbs.includes("watch") && info.resource !== "componentstatuses") {
      this.#watches(api, info, base, listParameters, namespace, name);
    }
    if (info.kind === "ComponentStatus") this.#add(`${base}/${info.resource}`, {}, listParameters);
    for (const [sub, details] of Object.entries(info.subresources)) {
      this.#subresource(api, info, sub, details, `${scope}/${info.resource}/{name}`, [name, ...namespace, ...pretty]);
    }
  }

  #watches(api: Operations, info: ResourceInfo, base: string, list: Json[], namespace: Json[], name: Json): void {
    const scope = info.namespaced ? `${base}/watch/namespaces/{namespace}` : `${base}/watch`;
    const description = `watch individual changes to a list of ${info.kind}. ${WATCH_NOTE}.`;
    const one = `watch changes to an object of kind ${info.kind}. ${WATCH_NOTE}, filtered to a single item with the 'fieldSelector' parameter.`;
    const id = `watch${api.prefix}${api.suffix}`;
    this.#add(`${scope}/${info.resource}`, { get: watchOperation(api, `${id}List`, description, "watchlist") }, [
      ...list,
      ...namespace,
    ]);
    this.#add(`${scope}/${info.resource}/{name}`, { get: watchOperation(api, id, one, "watch") }, [
      ...list,
      name,
      ...namespace,
    ]);
    if (!info.namespaced) return;
    const all = `watch${api.prefix}${info.kind}ListForAllNamespaces`;
    this.#add(`${base}/watch/${info.resource}`, { get: watchOperation(api, all, description, "watchlist") }, list);
  }

  #subresource(
    api: Operations,
    info: ResourceInfo,
    sub: string,
    details: SubresourceInfo,
    item: string,
    parameters: Json[],
  ): void {
    const own = {
      ...api,
      verbs: details.verbs,
      model: `${this.#facts.packageOf(details.group, details.version).package}.${details.kind}`,
      gvk: { group: details.group, kind: details.kind, version: details.version },
      suffix: `${api.suffix}${upperFirst(sub)}`,
    };
    const path = `${item}/${sub}`;
    const place = parameters.filter((each) => each.name !== "pretty");
    const options = pathParameter("name", `name of the ${details.kind}`);
    if (["attach", "exec", "portforward", "proxy"].includes(sub)) {
      const request = `CoreV1ApiConnectGet${api.suffix}${upperFirst(sub)}`;
      const at = [options, ...place.slice(1), ...this.#query(CONNECT_PARAMETERS[sub] ?? [], request)];
      this.#add(path, connectOperations(own, info.kind, sub, ""), at);
      if (sub === "proxy") {
        const rest = pathParameter("path", "path to the resource");
        this.#add(`${path}/{path}`, connectOperations(own, info.kind, sub, "WithPath"), [...at, rest]);
      }
      return;
    }
    if (details.verbs.includes("create")) {
      const at = [
        pathParameter("name", `name of the ${details.kind}`),
        ...parameters.slice(1),
        ...this.#query(WRITE_PARAMETERS),
      ];
      this.#add(path, { post: createSubresource(own, info.kind, sub) }, at);
      return;
    }
    if (sub === "log") {
      this.#add(path, { get: logOperation(own) }, [...parameters, ...this.#query(LOG_PARAMETERS)]);
      return;
    }
    const named = details.kind === info.kind ? parameters : [options, ...parameters.slice(1)];
    this.#add(path, subresourceOperations(own, info.kind, sub), named);
  }

  #add(path: string, operations: Record<string, Json>, parameters: Json[]): void {
    const existing = this.paths[path] ?? {};
    if (Object.keys({ ...existing, ...operations }).length === 0) return;
    this.paths[path] = { ...existing, ...operations, ...(parameters.length > 0 ? { parameters } : {}) };
  }
}

const CONNECT_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  attach: ["container", "stderr", "stdin", "stdout", "tty"],
  exec: ["command", "container", "stderr", "stdin", "stdout", "tty"],
  portforward: ["ports"],
  proxy: ["path"],
};
const LOG_PARAMETERS = [
  "container",
  "follow",
  "insecureSkipTLSVerifyBackend",
  "limitBytes",
  "previous",
  "sinceSeconds",
  "stream",
  "tailLines",
  "timestamps",
];
