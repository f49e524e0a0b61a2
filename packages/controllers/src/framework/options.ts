/** PEMs of the authority behind one signer. */
export interface SignerFiles {
  readonly cert: string;
  readonly key: string;
}

/** What the flags of kube-controller-manager set; `defaultControllerOptions` holds upstream's defaults. Durations in ms. */
export interface ControllerOptions {
  /** Workers of a controller, by upstream's flag stem: "deployment" for --concurrent-deployment-syncs. Read through `concurrency`. */
  readonly concurrentSyncs: Readonly<Record<string, number>>;
  readonly allocateNodeCIDRs: boolean;
  /** Pod CIDRs of the cluster, at most one per address family. */
  readonly clusterCIDRs: readonly string[];
  readonly serviceClusterIPRange?: string;
  readonly nodeCIDRMaskSizeIPv4: number;
  readonly nodeCIDRMaskSizeIPv6: number;
  /** PEM of the CA that goes into each namespace's kube-root-ca.crt. */
  readonly rootCA?: string;
  /** PEM of the key that signs service-account tokens. */
  readonly serviceAccountPrivateKey?: string;
  /** Tokens in Secrets that nobody used for so long are deleted. */
  readonly legacyTokenCleanUpPeriod: number;
  /** PEMs of the CA that signs CertificateSigningRequests. */
  readonly clusterSigningCert?: string;
  readonly clusterSigningKey?: string;
  /** Authorities of single signers, by signer name, instead of that one. */
  readonly signers?: Readonly<Record<string, SignerFiles>>;
  readonly clusterSigningDuration: number;
  readonly nodeMonitorPeriod: number;
  readonly nodeMonitorGracePeriod: number;
  readonly nodeStartupGracePeriod: number;
  readonly nodeEvictionRate: number;
  readonly secondaryNodeEvictionRate: number;
  readonly largeClusterSizeThreshold: number;
  readonly unhealthyZoneThreshold: number;
  /** Terminated pods kept before the pod GC deletes the oldest; 0 or less: never. */
  readonly terminatedPodGCThreshold: number;
  readonly maxEndpointsPerSlice: number;
  readonly mirroringMaxEndpointsPerSubset: number;
  readonly endpointUpdatesBatchPeriod: number;
  readonly endpointSliceUpdatesBatchPeriod: number;
  readonly mirroringEndpointSliceUpdatesBatchPeriod: number;
  readonly namespaceSyncPeriod: number;
  readonly resourceQuotaSyncPeriod: number;
  readonly pvClaimBinderSyncPeriod: number;
  readonly hpaSyncPeriod: number;
  readonly hpaDownscaleStabilization: number;
  readonly hpaTolerance: number;
  readonly hpaCPUInitializationPeriod: number;
  readonly hpaInitialReadinessDelay: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Upstream's defaults of every option that has one. */
export const defaultControllerOptions: ControllerOptions = {
  concurrentSyncs: {
    deployment: 5,
    replicaset: 5,
    rc: 5,
    statefulset: 5,
    daemonset: 2,
    job: 5,
    "cron-job": 5,
    "ttl-after-finished": 5,
    endpoint: 5,
    "service-endpoint": 5,
    "mirroring-service-endpoint": 5,
    gc: 20,
    namespace: 10,
    serviceaccount: 1,
    "serviceaccount-token": 5,
    "resource-quota": 5,
    "horizontal-pod-autoscaler": 5,
    ephemeralvolume: 5,
    "resource-claim": 10,
  },
  allocateNodeCIDRs: true,
  clusterCIDRs: [],
  nodeCIDRMaskSizeIPv4: 24,
  nodeCIDRMaskSizeIPv6: 64,
  legacyTokenCleanUpPeriod: 365 * 24 * 60 * MINUTE,
  clusterSigningDuration: 365 * 24 * 60 * MINUTE,
  nodeMonitorPeriod: 5 * SECOND,
  nodeMonitorGracePeriod: 50 * SECOND,
  nodeStartupGracePeriod: MINUTE,
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  largeClusterSizeThreshold: 50,
  unhealthyZoneThreshold: 0.55,
  terminatedPodGCThreshold: 12_500,
  maxEndpointsPerSlice: 100,
  mirroringMaxEndpointsPerSubset: 1000,
  endpointUpdatesBatchPeriod: 0,
  endpointSliceUpdatesBatchPeriod: 0,
  mirroringEndpointSliceUpdatesBatchPeriod: 0,
  namespaceSyncPeriod: 5 * MINUTE,
  resourceQuotaSyncPeriod: 5 * MINUTE,
  pvClaimBinderSyncPeriod: 15 * SECOND,
  hpaSyncPeriod: 15 * SECOND,
  hpaDownscaleStabilization: 5 * MINUTE,
  hpaTolerance: 0.1,
  hpaCPUInitializationPeriod: 5 * MINUTE,
  hpaInitialReadinessDelay: 30 * SECOND,
};

/** Number of workers for a controller, by the stem of its --concurrent-…-syncs flag; 1 where none is set. */
export function concurrency(options: ControllerOptions, stem: string): number {
  return options.concurrentSyncs[stem] ?? 1;
}
