import { CLUSTER_CONTROLLERS } from "./cluster-controllers.ts";
import type { ControllerInitializer } from "./framework/types.ts";
import { WORKLOAD_CONTROLLERS } from "./workload-controllers.ts";

/** Every controller there is; `--controllers` chooses among them. */
export const CONTROLLERS: readonly ControllerInitializer[] = [...CLUSTER_CONTROLLERS, ...WORKLOAD_CONTROLLERS];
