import type { ReplicaSet, ReplicaSetStatus } from "@knots/api/apps/v1";
import { replicaSets } from "@knots/api/apps/v1";
import type { ReplicationController } from "@knots/api/core/v1";
import { replicationControllers } from "@knots/api/core/v1";
import type { PodTemplateSpec } from "@knots/api/core/v1";
import type { ResourceType, Selector } from "@knots/machinery";
import { selectorFromLabelSelector, selectorFromSet } from "@knots/machinery";

export type ReplicaOwner = ReplicaSet | ReplicationController;

/** What the one engine must know of a kind that keeps a number of pods. */
export interface ReplicaKind<T extends ReplicaOwner> {
  readonly type: ResourceType<T>;
  readonly kind: string;
  readonly apiVersion: string;
  /** `source.component` of its Events. */
  readonly component: string;
  /** Whether status has terminatingReplicas. */
  readonly countsTerminating: boolean;
  selectorOf(object: T): Selector;
  templateOf(object: T): PodTemplateSpec;
  withStatus(object: T, status: ReplicaSetStatus): T;
}

export const replicaSetKind: ReplicaKind<ReplicaSet> = {
  type: replicaSets,
  kind: "ReplicaSet",
  apiVersion: "apps/v1",
  component: "replicaset-controller",
  countsTerminating: true,
  selectorOf: (rs) => selectorFromLabelSelector(rs.spec?.selector),
  templateOf: (rs) => rs.spec?.template ?? {},
  withStatus: (rs, status) => ({ ...rs, status }),
};

export const replicationControllerKind: ReplicaKind<ReplicationController> = {
  type: replicationControllers,
  kind: "ReplicationController",
  apiVersion: "v1",
  component: "replication-controller",
  countsTerminating: false,
  selectorOf: (rc) => selectorFromSet(rc.spec?.selector ?? {}),
  templateOf: (rc) => rc.spec?.template ?? {},
  withStatus: (rc, status) => ({ ...rc, status }),
};
