import type { ControllerInitializer } from "../framework/types.ts";
import { StatefulSetController } from "./controller.ts";

export const statefulSetController: ControllerInitializer = {
  name: "statefulset-controller",
  enabledByDefault: true,
  init: (ctx) => new StatefulSetController(ctx).controller,
};
