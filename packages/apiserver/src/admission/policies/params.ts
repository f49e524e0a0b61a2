import type { ParamKind, ParamRef } from "@knots/api/admissionregistration/v1";
import { selectorFromLabelSelector } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { Registry } from "../../registry/registry.ts";
import { apiVersionOf } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { toVersion } from "../webhooks/versions.ts";

/**
 * The objects that a binding names as parameters; `undefined` among them stands for "without". Throws an Error, with
 * upstream's words, for what the failure policy decides about.
 */
export async function findParams(
  registry: Registry,
  paramKind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string,
): Promise<readonly (KubeObject | undefined)[]> {
  if (paramKind === undefined || ref === undefined) return [undefined];
  const served = servedKind(registry, paramKind);
  if (served === undefined) {
    throw new Error(`paramKind kind \`${paramKind.apiVersion ?? ""}, Kind=${paramKind.kind ?? ""}\` not known`);
  }
  const { namespaced } = served.info;
  const own = ref.namespace ?? "";
  if (!namespaced && own !== "") {
    throw new Error("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  }
  const where = namespaced ? own || namespace : "";
  if (namespaced && where === "") {
    throw new Error("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
  }
  const params = [];
  for (const object of select(served, ref, where)) {
    params.push(await toVersion({ ...served.info, kind: served.info, served }, object));
  }
  if (params.length === 0 && ref.parameterNotFoundAction === "Deny") {
    throw new Error("no params found for policy binding with `Deny` parameterNotFoundAction");
  }
  return params;
}

export function servedKind(registry: Registry, { apiVersion, kind }: ParamKind): ServedResource | undefined {
  for (const served of registry.all()) {
    if (served.info.kind === kind && apiVersionOf(served.info) === apiVersion) return served;
  }
  return undefined;
}

function* select({ storage }: ServedResource, ref: ParamRef, namespace: string): Generator<KubeObject> {
  const { cache } = storage;
  const name = ref.name ?? "";
  if (name !== "") {
    const entry = cache.get(storage.key(namespace, name));
    if (entry !== undefined) yield entry.object;
    return;
  }
  const selector = selectorFromLabelSelector(ref.selector);
  const prefix = namespace === "" ? cache.prefix : `${cache.prefix}${namespace}/`;
  for (const entry of cache.scan(prefix)) {
    if (selector.matches(entry.object.metadata?.labels)) yield entry.object;
  }
}
