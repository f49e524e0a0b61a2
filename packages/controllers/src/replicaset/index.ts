import { concurrency } from "../framework/options.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { newReplicaController } from "./controller.ts";
import { replicaSetKind } from "./kinds.ts";

export const replicaSetController: ControllerInitializer = {
  name: "replicaset-controller",
  enabledByDefault: true,
  init: (ctx) =>
    newReplicaController(ctx, replicaSetKind, "replicaset-controller", concurrency(ctx.options, "replicaset")),
};
