// The paths and methods of built-in resources: which there are follows from what each resource offers.
import { RESOURCES } from "@knots/api";
import type { ResourceInfo } from "@knots/api";
import { StatusError, tableOf } from "@knots/machinery";
import { methodNotAllowed } from "../method-not-allowed.ts";
import { UnknownPath, pageNotFound } from "../page-not-found.ts";
import type { RequestInfo } from "../request-info.ts";
import { LIST_TYPES, LOG_TYPES, OBJECT_TYPES } from "../restful.ts";

const BUILT_IN = new Map(RESOURCES.map((info) => [`${info.group}/${info.version}/${info.resource}`, info]));
const GROUPS = new Set(RESOURCES.map(({ group }) => group));

const COLLECTION: Readonly<Record<string, string>> = tableOf({
  GET: "list",
  POST: "create",
  DELETE: "deletecollection",
});
const ITEM: Readonly<Record<string, string>> = tableOf({
  GET: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
});
const SUBRESOURCE: Readonly<Record<string, string>> = tableOf({ ...ITEM, POST: "create" });
/** What is passed on as it is, with any method that upstream has routes for. */
const PROXY = tableOf({ ...SUBRESOURCE, HEAD: "get", OPTIONS: "get" });

export function builtIn(group: string, version: string, resource: string): ResourceInfo | undefined {
  return BUILT_IN.get(`${group}/${version}/${resource}`);
}

export function isBuiltInGroup(group: string): boolean {
  return GROUPS.has(group);
}

/** What to say of a path of resources at which there is nothing. */
export function nothingAt(group: string): StatusError {
  return isBuiltInGroup(group) ? pageNotFound() : new UnknownPath();
}

/**
 * Throws NotFound for a path that the resource has not, MethodNotAllowed for a method that the path has not. A path through
 * a namespace is authorized by what is allowed there: nothing that lies outside of namespaces may be reached by it.
 */
export function checkRoute(info: RequestInfo, method: string, resource: ResourceInfo): void {
  const methods = methodsAt(info, resource);
  if (methods === undefined) throw pageNotFound();
  if (!Object.hasOwn(methods.verbs, method)) throw methodNotAllowed();
  if (!methods.offered.includes(methods.verbs[method] ?? "")) throw methodNotAllowed();
}

interface Methods {
  /** By method. */
  readonly verbs: Readonly<Record<string, string>>;
  readonly offered: readonly string[];
}

function methodsAt(info: RequestInfo, { namespaced, verbs, subresources }: ResourceInfo): Methods | undefined {
  const { inNamespace, watchPath, subresource, parts } = info;
  const everywhere = namespaced && !inNamespace;
  if (inNamespace && !namespaced) return undefined;
  if (everywhere && parts.length > 1) return undefined;
  if (watchPath) return parts.length > 2 ? undefined : present({ GET: "watch" }, verbs);
  if (parts.length === 1) return present(everywhere ? { GET: "list" } : COLLECTION, verbs);
  if (parts.length === 2) return present(ITEM, verbs);
  if (!Object.hasOwn(subresources, subresource)) return undefined;
  const offered = subresources[subresource]?.verbs ?? [];
  if (subresource === "proxy") return { verbs: PROXY, offered };
  return parts.length > 3 ? undefined : { verbs: SUBRESOURCE, offered };
}

/** Undefined when none of the verbs is offered: then there is no such path. */
function present(verbs: Readonly<Record<string, string>>, offered: readonly string[]): Methods | undefined {
  return Object.values(verbs).some((verb) => offered.includes(verb)) ? { verbs, offered } : undefined;
}

/** The types of what a GET answers with; undefined: any. */
export function producedBy({ parts, subresource, watchPath }: RequestInfo): readonly string[] | undefined {
  if (CONNECTED.has(subresource)) return undefined;
  if (subresource === "log") return LOG_TYPES;
  return parts.length === 1 || watchPath ? LIST_TYPES : OBJECT_TYPES;
}

/** Answered by whoever the request is passed on to. */
const CONNECTED = new Set(["proxy", "exec", "attach", "portforward"]);
