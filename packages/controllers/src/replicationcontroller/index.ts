import { concurrency } from "../framework/options.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { newReplicaController } from "../replicaset/controller.ts";
import { replicationControllerKind } from "../replicaset/kinds.ts";

/** ReplicationControllers differ from ReplicaSets in their selector and status only: the engine is theirs. */
export const replicationController: ControllerInitializer = {
  name: "replicationcontroller-controller",
  enabledByDefault: true,
  init: (ctx) =>
    newReplicaController(
      ctx,
      replicationControllerKind,
      "replicationcontroller-controller",
      concurrency(ctx.options, "rc"),
    ),
};
