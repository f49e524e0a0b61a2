/** Names of the plug-ins, as in `kind: KubeSchedulerConfiguration`; each keeps its state in a cycle under its own. */
export const NAMES = {
  schedulingGates: "SchedulingGates",
  prioritySort: "PrioritySort",
  nodeUnschedulable: "NodeUnschedulable",
  nodeName: "NodeName",
  taintToleration: "TaintToleration",
  nodeAffinity: "NodeAffinity",
  nodePorts: "NodePorts",
  nodeResourcesFit: "NodeResourcesFit",
  volumeRestrictions: "VolumeRestrictions",
  volumeBinding: "VolumeBinding",
  podTopologySpread: "PodTopologySpread",
  interPodAffinity: "InterPodAffinity",
  defaultPreemption: "DefaultPreemption",
  balancedAllocation: "NodeResourcesBalancedAllocation",
  imageLocality: "ImageLocality",
  defaultBinder: "DefaultBinder",
} as const;
