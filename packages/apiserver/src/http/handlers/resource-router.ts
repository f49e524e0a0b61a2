import { StatusError, newNotFound, tableOf } from "@knots/machinery";
import type { ServedResource } from "../../registry/served.ts";
import { methodNotAllowed } from "../method-not-allowed.ts";
import type { RequestContext } from "../types.ts";
import { handleDelete, handleDeleteCollection } from "./delete.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { seeAllWrites } from "./freshness.ts";
import { handlePatch } from "./patch.ts";
import { handleGet, handleList } from "./read.ts";
import { handleWatch } from "./watch.ts";
import { checkVerb, handleCreate, handleUpdate } from "./write.ts";

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
    const { apiGroup, apiVersion, resource, subresource, verb } = ctx.info;
    const behind = seeAllWrites(this.#deps, ctx);
    if (behind !== undefined) await behind;
    const served = this.#deps.registry.served(apiGroup, apiVersion, resource);
    const path = `${apiGroup === "" ? resource : `${resource}.${apiGroup}`}${subresource === "" ? "" : `/${subresource}`}`;
    const special = this.#special.get(`${verb} ${path}`) ?? this.#special.get(path);
    if (special !== undefined) {
      await special(ctx, served);
      return;
    }
    if (served === undefined) throw pageNotFound();
    if (ctx.info.parts.length > 3) throw pageNotFound();
    if (subresource !== "" && !Object.hasOwn(served.info.subresources, subresource)) throw pageNotFound();
    if (served.info.namespaced && ctx.info.namespace === "" && ctx.info.name !== "")
      throw newNotFound(served.info, ctx.info.name);
    if (served.warning !== undefined) ctx.warn(served.warning);
    const handler = HANDLERS[verb];
    if (handler === undefined || !hasPlace(ctx, served)) throw methodNotAllowed();
    checkVerb(served, subresource, verb);
    await handler(this.#deps, ctx, served);
  }
}

/**
 * Whether the verb belongs to the path: objects are made in their collection and changed under their names, and the
 * collection of all namespaces is only read.
 */
function hasPlace({ info: { verb, name, namespace, subresource } }: RequestContext, { info }: ServedResource): boolean {
  if (subresource !== "") return true;
  if (verb === "update" || verb === "patch") return name !== "";
  if (verb !== "create" && verb !== "deletecollection") return true;
  return name === "" && (!info.namespaced || namespace !== "");
}

/** What upstream says of a path that nobody serves. */
export function pageNotFound(): StatusError {
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "the server could not find the requested resource",
    reason: "NotFound",
    details: {},
    code: 404,
  });
}
