import type { ControllerInitializer } from "../framework/types.ts";
import { DeploymentController } from "./controller.ts";

export const deploymentController: ControllerInitializer = {
  name: "deployment-controller",
  enabledByDefault: true,
  init: (ctx) => new DeploymentController(ctx).controller,
};
