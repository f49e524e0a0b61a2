/** What may happen in a cluster that makes a pod schedulable which was not. */
export type ClusterEvent =
  | "NodeAdd"
  | "NodeAllocatableChange"
  | "NodeLabelChange"
  | "NodeTaintChange"
  | "NodeConditionChange"
  | "AssignedPodAdd"
  | "AssignedPodUpdate"
  | "AssignedPodDelete"
  | "PodUpdate"
  | "VolumeChange"
  | "NamespaceChange"
  | "ResourceClaimChange"
  | "ResourceSliceChange"
  | "DeviceClassChange"
  | "Flush"
  | "ForceActivate";

/** Does this event concern this pod? Called with the object as it was and as it is. */
export type QueueingHint<T = unknown> = (old: T | undefined, current: T | undefined) => boolean;
