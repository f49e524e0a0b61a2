export { Client, type RequestOptions } from "./client.ts";
export { compactor } from "./compact-object.ts";
export { EventRecorder } from "./event-recorder.ts";
export { Expectations } from "./expectations.ts";
export { Informer, type Handler, type InformerOptions } from "./informer.ts";
export { InformerFactory, type InformerFactoryOptions } from "./informer-factory.ts";
export { jsonLines } from "./json-lines.ts";
export {
  loadKubeconfig,
  mergeKubeconfig,
  removeKubeconfigContext,
  writeKubeconfig,
  type KubeconfigEntry,
} from "./kubeconfig.ts";
export { leaderElectionDefaults, LeaderElector } from "./leader-elector.ts";
export type { LeaderElectionOptions } from "./leader-elector.ts";
export type { Indexers, Lister } from "./lister.ts";
export {
  ResourceClient,
  type DeleteOptions,
  type List,
  type ListMeta,
  type ListOptions,
  type WatchEvent,
  type WatchOptions,
} from "./resource-client.ts";
export type { RestConfig } from "./rest-config.ts";
export { runWorkers, WorkQueue } from "./work-queue.ts";
export type { WorkQueueObserver, WorkQueueOptions } from "./work-queue.ts";
export { withoutManagedFields } from "./without-managed-fields.ts";
