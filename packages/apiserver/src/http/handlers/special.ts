import { schemaFor } from "@knots/api";
import type { Binding } from "@knots/api/core/v1";
import { newBadRequest } from "@knots/machinery";
import type { KubeObject, Status } from "@knots/machinery";
import type { DeleteOptions } from "../../registry/deletion.ts";
import { bindPod } from "../../registry/special/binding.ts";
import { evictPod } from "../../registry/special/eviction.ts";
import { labelSelectorScale, mapSelectorScale } from "../../registry/special/scale.ts";
import type { ServedResource } from "../../registry/served.ts";
import { readBody } from "../body.ts";
import { negotiate } from "../negotiate.ts";
import { writeOptions } from "../options.ts";
import { sendObject } from "../respond.ts";
import type { RequestContext } from "../types.ts";
import { shapeObject } from "./decode.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { pageNotFound } from "../page-not-found.ts";
import type { SpecialHandler } from "./resource-router.ts";
import { handleScale } from "./scale.ts";
import { operationOf } from "./write.ts";

/** Built-in subresources and resources that are not plain storage, by "verb resource.group/subresource". */
export function specialHandlers(deps: HandlerDependencies): Map<string, SpecialHandler> {
  const handlers = new Map<string, SpecialHandler>();
  for (const name of ["deployments.apps", "replicasets.apps", "statefulsets.apps"]) {
    handlers.set(`${name}/scale`, (ctx, served) => handleScale(deps, ctx, required(served), labelSelectorScale));
  }
  handlers.set("replicationcontrollers/scale", (ctx, served) =>
    handleScale(deps, ctx, required(served), mapSelectorScale),
  );
  handlers.set("create pods/binding", (ctx) => handleBinding(deps, ctx, ctx.info.name));
  handlers.set("create bindings", (ctx) => handleBinding(deps, ctx, undefined));
  handlers.set("create pods/eviction", (ctx) => handleEviction(deps, ctx));
  return handlers;
}

/** The body as one kind, shape-checked. */
async function readKind(
  deps: HandlerDependencies,
  ctx: RequestContext,
  type: { group: string; version: string; kind: string },
): Promise<KubeObject> {
  const body = await readBody(ctx.request);
  const object = deps.codecs.decodeObject(ctx.request.headers["content-type"], body, type.kind);
  const { fieldValidation } = writeOptions(ctx, "CreateOptions");
  return shapeObject(object, { ...type, schema: schemaFor(type) }, fieldValidation, (text) => ctx.warn(text));
}

async function handleBinding(deps: HandlerDependencies, ctx: RequestContext, name: string | undefined): Promise<void> {
  const { codec } = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: false });
  const options = writeOptions(ctx, "CreateOptions");
  const sent = (await readKind(deps, ctx, { group: "", version: "v1", kind: "Binding" })) as Binding;
  const pod = name ?? sent.metadata?.name ?? "";
  if (sent.metadata?.name !== undefined && sent.metadata.name !== "" && sent.metadata.name !== pod) {
    throw newBadRequest("name in URL does not match name in Binding object");
  }
  const op = { ...operationOf(deps, ctx, options, "CreateOptions"), subresource: "binding" };
  const storage = deps.registry.storageFor({ group: "", resource: "pods" });
  const kind = { group: "", version: "v1", kind: "Binding" };
  const binding = (await storage.admitCreate(op, ctx.info.namespace, pod, sent, kind)) as Binding;
  await bindPod(deps.registry, op, ctx.info.namespace, pod, binding, deps.clock.now());
  sendObject(ctx.request, ctx.response, 201, success(201), codec);
}

async function handleEviction(deps: HandlerDependencies, ctx: RequestContext): Promise<void> {
  const { codec } = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: false });
  const sent = (await readKind(deps, ctx, { group: "policy", version: "v1", kind: "Eviction" })) as KubeObject & {
    deleteOptions?: DeleteOptions;
  };
  const { namespace, name } = ctx.info;
  if (sent.metadata?.name !== undefined && sent.metadata.name !== "" && sent.metadata.name !== name) {
    throw newBadRequest("name in URL does not match name in Eviction object");
  }
  const options = writeOptions(ctx, "CreateOptions");
  const dryRun = options.dryRun || (sent.deleteOptions?.dryRun ?? []).length > 0;
  const op = { ...operationOf(deps, ctx, { ...options, dryRun }, "CreateOptions"), subresource: "eviction" };
  const storage = deps.registry.storageFor({ group: "", resource: "pods" });
  const kind = { group: "policy", version: "v1", kind: "Eviction" };
  const eviction = (await storage.admitCreate(op, namespace, name, sent, kind)) as typeof sent;
  // The eviction has been admitted; the deletion that follows from it is not asked about again.
  await evictPod(
    deps.registry,
    { ...op, subresource: "", admission: undefined },
    deps.clock,
    namespace,
    name,
    eviction.deleteOptions ?? {},
  );
  sendObject(ctx.request, ctx.response, 201, success(201), codec);
}

function success(code: number): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code };
}

function required(served: ServedResource | undefined): ServedResource {
  if (served === undefined) throw pageNotFound();
  return served;
}
