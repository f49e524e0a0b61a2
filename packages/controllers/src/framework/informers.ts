import type { KubeObject, ResourceType } from "@knots/machinery";
import type { Informer } from "@knots/client";
import { CONTROLLER_INDEX, controllerIndexer, metaOf, orphanIndexValue } from "./objects.ts";
import type { ControllerContext } from "./types.ts";

/** The shared informer of a type, indexed by the uid of the controlling owner. */
export function ownedInformer<T extends KubeObject>(
  ctx: Pick<ControllerContext, "informers">,
  type: ResourceType<T>,
): Informer<T> {
  return ctx.informers.informer(type, { indexers: { [CONTROLLER_INDEX]: controllerIndexer } });
}

/** Objects that `owner` controls, and those of its namespace that nobody does: all it may have to claim or release. */
export function claimCandidates<T extends KubeObject>(informer: Informer<T>, owner: KubeObject): T[] {
  const { uid, namespace } = metaOf(owner);
  return [
    ...informer.lister.byIndex(CONTROLLER_INDEX, uid),
    ...informer.lister.byIndex(CONTROLLER_INDEX, orphanIndexValue(namespace)),
  ];
}

/** Objects that `owner` controls. */
export function controlledBy<T extends KubeObject>(informer: Informer<T>, owner: KubeObject): T[] {
  return informer.lister.byIndex(CONTROLLER_INDEX, metaOf(owner).uid);
}
