import type { ControllerInitializer } from "../framework/types.ts";
import { CronJobController } from "./controller.ts";

export const cronJobController: ControllerInitializer = {
  name: "cronjob-controller",
  enabledByDefault: true,
  init: (ctx) => new CronJobController(ctx).controller,
};
