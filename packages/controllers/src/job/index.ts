import type { ControllerInitializer } from "../framework/types.ts";
import { JobController } from "./controller.ts";

export const jobController: ControllerInitializer = {
  name: "job-controller",
  enabledByDefault: true,
  init: (ctx) => new JobController(ctx),
};
