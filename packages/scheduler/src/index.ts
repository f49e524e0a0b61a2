export { DEFAULT_SCHEDULER_NAME, defaultLeaderElection, Scheduler } from "./scheduler.ts";
export type { SchedulerOptions } from "./scheduler.ts";
export { DEFAULT_PLUGINS } from "./default-profile.ts";
export type { PluginFactory, ProfileOptions } from "./default-profile.ts";
export type * from "./framework/plugin.ts";
export type { Handle, Listers } from "./framework/handle.ts";
export type { Status } from "./framework/status.ts";
