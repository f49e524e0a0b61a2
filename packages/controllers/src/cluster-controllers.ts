import type { ControllerInitializer } from "./framework/types.ts";
import { bootstrapSignerController } from "./bootstrap/signer.ts";
import { tokenCleanerController } from "./bootstrap/token-cleaner.ts";
import { csrApprovingController } from "./certificates/approving.ts";
import { csrCleanerController } from "./certificates/cleaner.ts";
import { csrSigningController } from "./certificates/signing.ts";
import { clusterRoleAggregationController } from "./clusterroleaggregation/controller.ts";
import { deviceTaintEvictionController } from "./devicetainteviction/controller.ts";
import { endpointsController } from "./endpoints/controller.ts";
import { endpointSliceController } from "./endpointslice/controller.ts";
import { endpointSliceMirroringController } from "./endpointslicemirroring/controller.ts";
import { ephemeralVolumeController } from "./ephemeralvolume/controller.ts";
import { garbageCollectorController } from "./garbagecollector/controller.ts";
import { namespaceController } from "./namespace/controller.ts";
import { nodeIPAMController } from "./nodeipam/controller.ts";
import { nodeLifecycleController } from "./nodelifecycle/controller.ts";
import { persistentVolumeBinderController } from "./persistentvolume/controller.ts";
import { podGCController } from "./podgc/controller.ts";
import { resourceClaimController } from "./resourceclaim/controller.ts";
import { resourceQuotaController } from "./resourcequota/controller.ts";
import { rootCAController } from "./rootca/controller.ts";
import { serviceAccountController } from "./serviceaccount/controller.ts";
import { legacyTokenCleanerController } from "./serviceaccounttoken/legacy-cleaner.ts";
import { serviceAccountTokenController } from "./serviceaccounttoken/controller.ts";
import { taintEvictionController } from "./tainteviction/controller.ts";
import { serviceCidrsController } from "./servicecidrs/controller.ts";
import { ttlController } from "./ttl/controller.ts";
import { claimProtectionController, volumeProtectionController } from "./volumeprotection/controllers.ts";

/** The controllers of namespaces, nodes, services and identities, in upstream's order of start. */
export const CLUSTER_CONTROLLERS: readonly ControllerInitializer[] = [
  endpointsController,
  endpointSliceController,
  endpointSliceMirroringController,
  podGCController,
  resourceQuotaController,
  namespaceController,
  garbageCollectorController,
  serviceAccountController,
  serviceAccountTokenController,
  rootCAController,
  csrSigningController,
  csrApprovingController,
  csrCleanerController,
  nodeIPAMController,
  nodeLifecycleController,
  taintEvictionController,
  deviceTaintEvictionController,
  ttlController,
  bootstrapSignerController,
  tokenCleanerController,
  persistentVolumeBinderController,
  clusterRoleAggregationController,
  claimProtectionController,
  volumeProtectionController,
  ephemeralVolumeController,
  resourceClaimController,
  legacyTokenCleanerController,
  serviceCidrsController,
];
