import type { ControllerInitializer } from "../framework/types.ts";
import { DaemonSetController } from "./controller.ts";

export const daemonSetController: ControllerInitializer = {
  name: "daemonset-controller",
  enabledByDefault: true,
  init: (ctx) => new DaemonSetController(ctx).controller,
};
