import { cronJobController } from "./cronjob/index.ts";
import { daemonSetController } from "./daemonset/index.ts";
import { deploymentController } from "./deployment/index.ts";
import { disruptionController } from "./disruption/controller.ts";
import type { ControllerInitializer } from "./framework/types.ts";
import { horizontalPodAutoscalerController } from "./podautoscaler/controller.ts";
import { jobController } from "./job/index.ts";
import { replicaSetController } from "./replicaset/index.ts";
import { replicationController } from "./replicationcontroller/index.ts";
import { statefulSetController } from "./statefulset/index.ts";
import { ttlAfterFinishedController } from "./ttlafterfinished/controller.ts";

/** The controllers that make pods, in upstream's order of start. */
export const WORKLOAD_CONTROLLERS: readonly ControllerInitializer[] = [
  replicationController,
  daemonSetController,
  jobController,
  deploymentController,
  replicaSetController,
  horizontalPodAutoscalerController,
  statefulSetController,
  disruptionController,
  cronJobController,
  ttlAfterFinishedController,
];
