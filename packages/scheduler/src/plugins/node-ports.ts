import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { SKIP, unschedulable } from "../framework/status.ts";
import { NAMES } from "./names.ts";

const REJECTED = unschedulable("node(s) didn't have free ports for the requested pod ports");

export const nodePorts: PreFilterPlugin & FilterPlugin = {
  name: NAMES.nodePorts,
  events: ["NodeAdd", "AssignedPodDelete"],
  hint: (_pod, event, old) =>
    event !== "AssignedPodDelete" || ((old as PodInfo | undefined)?.hostPorts.length ?? 0) > 0,
  preFilter: (_state, pod) => (pod.hostPorts.length === 0 ? { status: SKIP } : undefined),
  filter: (_state, pod, node) => (pod.hostPorts.some((port) => node.hostPorts.conflicts(port)) ? REJECTED : undefined),
};
