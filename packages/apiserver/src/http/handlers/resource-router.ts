import { newBadRequest, newMethodNotSupported, newNotFound, tableOf } from "@knots/machinery";
import type { ServedResource } from "../../registry/served.ts";
import { UnknownPath } from "../page-not-found.ts";
import type { RequestInfo } from "../request-info.ts";
import { OBJECT_TYPES, checkAccept } from "../restful.ts";
import type { RequestContext } from "../types.ts";
import { handleDelete, handleDeleteCollection } from "./delete.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { seeAllWrites } from "./freshness.ts";
import { handlePatch } from "./patch.ts";
import { handleGet, handleList } from "./read.ts";
import { builtIn, checkRoute, nothingAt, producedBy } from "./routes.ts";
import { handleWatch } from "./watch.ts";
import { handleCreate, handleUpdate } from "./write.ts";

type Handler = (deps: HandlerDependencies, ctx: RequestContext, served: ServedResource) => Promise<void>;

const HANDLERS: Readonly<Record<string, Handler>> = tableOf({
  get: handleGet,
  list: handleList,
  watch: handleWatch,
  create: handleCreate,
  update: handleUpdate,
  patch: handlePatch,
  delete: handleDelete,
  deletecollection: handleDeleteCollection,
});

/** Handles what is not plain storage: a subresource with a body of another kind, or a resource that is not stored. */
export type SpecialHandler = (ctx: RequestContext, served: ServedResource | undefined) => Promise<void>;

/** Finds who answers a resource request. */
export class ResourceRouter {
  readonly #deps: HandlerDependencies;
  /** By "verb resource.group/subresource", or "resource.group/subresource" for every verb. */
  readonly #special: ReadonlyMap<string, SpecialHandler>;

  constructor(deps: HandlerDependencies, special: ReadonlyMap<string, SpecialHandler>) {
    this.#deps = deps;
    this.#special = special;
  }

  async handle(ctx: RequestContext): Promise<void> {
    const { apiGroup, resource, subresource, verb } = ctx.info;
    const behind = seeAllWrites(this.#deps, ctx);
    if (behind !== undefined) await behind;
    const served = this.find(ctx);
    const path = `${apiGroup === "" ? resource : `${resource}.${apiGroup}`}${subresource === "" ? "" : `/${subresource}`}`;
    const special = this.#special.get(`${verb} ${path}`) ?? this.#special.get(path);
    if (special !== undefined) {
      await special(ctx, served);
      return;
    }
    const handler = HANDLERS[verb];
    if (served === undefined || handler === undefined) throw nothingAt(apiGroup);
    if (served.warning !== undefined) ctx.warn(served.warning);
    await handler(this.#deps, ctx, served);
  }

  /**
   * The resource that a request is about; undefined for what is not stored. Throws when there is nothing at its path, or
   * nothing that takes its method.
   */
  find(ctx: RequestContext): ServedResource | undefined {
    const { apiGroup, apiVersion, resource } = ctx.info;
    const served = this.#deps.registry.served(apiGroup, apiVersion, resource);
    const info = builtIn(apiGroup, apiVersion, resource);
    if (info !== undefined) {
      const { method = "GET", headers } = ctx.request;
      checkRoute(ctx.info, method, info);
      const produced = method === "GET" ? producedBy(ctx.info) : OBJECT_TYPES;
      if (produced !== undefined) checkAccept(headers.accept, produced);
      if (ctx.info.verb === "watch" && !info.verbs.includes("watch")) throw newMethodNotSupported(info, "watch");
    } else if (served !== undefined) checkCustomRoute(ctx.info, served);
    return served;
  }
}

/** Custom resources have no routes of their own at upstream: what a request is about decides. */
function checkCustomRoute(info: RequestInfo, { info: resource }: ServedResource): void {
  const { namespace, name, subresource, verb, parts } = info;
  const everywhere = verb === "list" || verb === "watch";
  if (resource.namespaced ? namespace === "" && !everywhere : namespace !== "") throw new UnknownPath();
  if (parts.length > 3) throw new UnknownPath();
  if (subresource !== "" && !Object.hasOwn(resource.subresources, subresource)) throw newNotFound(resource, name);
  const verbs = subresource === "" ? resource.verbs : (resource.subresources[subresource]?.verbs ?? []);
  if (!verbs.includes(verb) || (verb === "create" && name !== "")) throw newMethodNotSupported(resource, verb);
  if ((verb === "update" || verb === "patch") && name === "") throw newBadRequest("name must be provided");
}
