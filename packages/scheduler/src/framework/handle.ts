import type { PersistentVolume, PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import type { PodDisruptionBudget } from "@knots/api/policy/v1";
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from "@knots/api/storage/v1";
import type { Client, EventRecorder } from "@knots/client";
import type { Clock, Logger, Selector } from "@knots/machinery";
import type { HttpExtender } from "../extender/http-extender.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import type { DynamicResources } from "../plugins/dynamic-resources/manager.ts";
import type { Nominator } from "../queue/nominator.ts";
import type { NamespaceLabels } from "./affinity-term.ts";
import type { WaitingPods } from "./waiting-pods.ts";

/** The objects beside pods and nodes that plug-ins read. */
export interface Listers {
  readonly namespaceLabels: NamespaceLabels;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumes(): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  csiNode(name: string): CSINode | undefined;
  csiDriver(name: string): CSIDriver | undefined;
  storageCapacities(): readonly CSIStorageCapacity[];
  budgets(namespace: string): readonly PodDisruptionBudget[];
  readonly dynamicResources: DynamicResources;
  /** Selects the pods that belong together with this one: of its Services and of its controller. Undefined: none. */
  defaultSelector(pod: Pod): Selector | undefined;
}

/** What a plug-in is made from. */
export interface Handle {
  /** The profile's name. */
  readonly schedulerName: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly listers: Listers;
  readonly nominator: Nominator;
  /** Pods that Permit plug-ins hold back. */
  readonly waitingPods: WaitingPods;
  /** Those who are asked about preemption too. */
  readonly extenders: readonly HttpExtender[];
  /** The view of the running cycle. */
  snapshot(): Snapshot;
}
