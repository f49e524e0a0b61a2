export type { Controller, ControllerContext, ControllerInitializer } from "./framework/types.ts";
export { concurrency, defaultControllerOptions } from "./framework/options.ts";
export type { ControllerOptions } from "./framework/options.ts";
export { ControllerManager, defaultLeaderElection } from "./manager.ts";
export type { ControllerManagerOptions } from "./manager.ts";
export { CONTROLLERS } from "./registry.ts";
export { selectControllers } from "./selection.ts";
