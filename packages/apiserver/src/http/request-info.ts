import { parseFieldSelector, tableOf } from "@knots/machinery";
import { decodePath } from "./url-path.ts";

/**
 * What a request is about, read from its method and path (upstream: RequestInfo).
 * Parsed by hand: the paths of the API are regular, and this runs on every request.
 */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  /** URL path without the query, decoded. */
  readonly path: string;
  /** get, list, watch, create, update, patch, delete, deletecollection, connect; for non-resource paths the lower-case HTTP method. */
  readonly verb: string;
  /** "api" or "apis"; empty for non-resource requests. */
  readonly apiPrefix: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  /** Empty for cluster-scoped requests and lists over all namespaces. */
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  /** Empty for collections. */
  readonly name: string;
  /** Path segments from the resource on: [resource, name, subresource, …rest]. */
  readonly parts: readonly string[];
  /** The path leads through a namespace to a resource in it. */
  readonly inNamespace: boolean;
  /** The deprecated form /api/v1/watch/…, which watches whatever the query says. */
  readonly watchPath: boolean;
  readonly query: URLSearchParams;
}

const VERBS: Readonly<Record<string, string>> = tableOf({
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
});

/** Subresources of a namespace object itself: /api/v1/namespaces/NAME/status is not a resource "status" in the namespace. */
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

/** Most requests have none; nobody changes a request's query. */
const NO_QUERY = new URLSearchParams();

/** Parses method and URL (path with query); never throws: what is no resource path is a non-resource request. */
export function parseRequestInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf("?");
  const path = decodePath(mark < 0 ? url : url.slice(0, mark));
  const query = mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1));
  const nonResource: RequestInfo = {
    isResourceRequest: false,
    path,
    verb: method.toLowerCase(),
    apiPrefix: "",
    apiGroup: "",
    apiVersion: "",
    namespace: "",
    resource: "",
    subresource: "",
    name: "",
    parts: [],
    inNamespace: false,
    watchPath: false,
    query,
  };
  const segments = trimSlashes(path).split("/");
  const apiPrefix = segments[0] ?? "";
  if (apiPrefix !== "api" && apiPrefix !== "apis") return nonResource;
  if (segments.length < (apiPrefix === "api" ? 3 : 4)) return nonResource;
  const apiGroup = apiPrefix === "api" ? "" : (segments[1] ?? "");
  let rest = segments.slice(apiPrefix === "api" ? 1 : 2);
  const apiVersion = rest[0] ?? "";
  rest = rest.slice(1);

  let verb = VERBS[method] ?? "";
  const [special = ""] = rest;
  const watchPath = special === "watch" && rest.length > 1;
  if (watchPath || (special === "proxy" && rest.length > 1)) {
    verb = special;
    rest = rest.slice(1);
  }
  let namespace = "";
  let inNamespace = false;
  if (rest[0] === "namespaces" && rest.length > 1) {
    namespace = rest[1] ?? "";
    inNamespace = rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2] ?? "");
    if (inNamespace) rest = rest.slice(2);
  }
  const resource = rest[0] ?? "";
  const name = rest[1] ?? "";
  const subresource = verb === "proxy" ? "" : (rest[2] ?? "");
  if (name === "") {
    if (verb === "get") verb = isWatch(query) ? "watch" : "list";
    else if (verb === "delete") verb = "deletecollection";
  }
  return {
    isResourceRequest: true,
    path,
    verb,
    apiPrefix,
    apiGroup,
    apiVersion,
    namespace,
    resource,
    subresource,
    name,
    parts: rest,
    inNamespace,
    watchPath,
    query,
  };
}

/** Whether a path ends where upstream's RequestInfo needs to be told what is to be watched or proxied. */
export function isUnfinished({ isResourceRequest, parts }: RequestInfo): boolean {
  return isResourceRequest && parts.length === 1 && (parts[0] === "watch" || parts[0] === "proxy");
}

/**
 * The one object that a list or watch can be about, by `fieldSelector=metadata.name=NAME`: who may read that object
 * alone may list and watch it so.
 */
export function selectedName({ verb, query }: RequestInfo): string {
  const text = verb === "list" || verb === "watch" ? query.get("fieldSelector") : null;
  if (text === null || text === "") return "";
  try {
    const { requirements } = parseFieldSelector(text);
    const name =
      requirements.find(({ field, operator }) => field === "metadata.name" && operator !== "!=")?.value ?? "";
    return /^\.{1,2}$|[/%]/.test(name) ? "" : name;
  } catch {
    // The handler answers for a selector that does not parse.
    return "";
  }
}

const STREAMS = new Set(["exec", "attach", "portforward", "log", "proxy"]);

/** Whether a request lasts as long as its client likes: no deadline is for it. */
export function isLongRunning({ verb, subresource }: RequestInfo): boolean {
  return verb === "watch" || verb === "proxy" || STREAMS.has(subresource);
}

/** A boolean parameter as upstream converts it: absent, "false" in any case and "0" are false, anything else true. */
export function boolParam(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)?.toLowerCase();
  return value !== undefined && value !== "false" && value !== "0";
}

function isWatch(query: URLSearchParams): boolean {
  return boolParam(query, "watch");
}

function trimSlashes(path: string): string {
  let start = 0;
  let end = path.length;
  while (start < end && path.charCodeAt(start) === 47) start++;
  while (end > start && path.charCodeAt(end - 1) === 47) end--;
  return path.slice(start, end);
}
