/** The Node's status, as a pure function of what was measured. */
import type { NodeCondition, NodeStatus } from "@knots/api/core/v1";
import { formatTime } from "@knots/machinery";
import type { cri } from "../cri/types.ts";
import type { ResourceMap } from "./capacity.ts";
import type { MachineInfo } from "./machine-info.ts";

export interface NodeFacts {
  readonly now: number;
  readonly addresses: readonly { type: string; address: string }[];
  readonly machine: MachineInfo;
  readonly capacity: ResourceMap;
  readonly allocatable: ResourceMap;
  readonly port: number;
  readonly kubeletVersion: string;
  readonly runtimeVersion: string;
  readonly images: readonly cri.Image[];
  /** What keeps the node from being ready; empty: ready. */
  readonly problems: readonly string[];
  readonly pressure: { readonly memory: boolean; readonly disk: boolean; readonly pid: boolean };
  readonly volumesInUse?: readonly string[];
}

/** More than these, the largest, would only bloat the object. */
const MAX_IMAGES = 50;
const MAX_NAMES_PER_IMAGE = 5;

export function nodeStatus(facts: NodeFacts, previous: NodeStatus | undefined): NodeStatus {
  const { machine } = facts;
  const advertised = advertisedByOthers(facts, previous);
  return {
    addresses: [...facts.addresses],
    capacity: { ...advertised, ...facts.capacity },
    allocatable: { ...advertised, ...facts.allocatable },
    conditions: conditions(facts, previous?.conditions ?? []),
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    images: images(facts.images),
    nodeInfo: {
      machineID: machine.machineID,
      systemUUID: machine.systemUUID,
      bootID: machine.bootID,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: facts.runtimeVersion,
      kubeletVersion: facts.kubeletVersion,
      // Deprecated upstream and left empty there.
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: machine.architecture,
      ...(machine.swapBytes === 0 ? {} : { swap: { capacity: machine.swapBytes } }),
    },
    ...(facts.volumesInUse === undefined || facts.volumesInUse.length === 0
      ? {}
      : { volumesInUse: [...facts.volumesInUse] }),
  };
}

/**
 * What an administrator or an operator wrote into the capacity: the kubelet leaves it there and makes all of it
 * allocatable (https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/).
 */
function advertisedByOthers(facts: NodeFacts, previous: NodeStatus | undefined): ResourceMap {
  const others = Object.entries(previous?.capacity ?? {}).filter(([name]) => !Object.hasOwn(facts.capacity, name));
  return Object.fromEntries(others.map(([name, amount]) => [name, String(amount)]));
}

function conditions(facts: NodeFacts, previous: readonly NodeCondition[]): NodeCondition[] {
  const now = formatTime(new Date(facts.now));
  const make = (
    type: string,
    truth: boolean,
    yes: readonly [string, string],
    no: readonly [string, string],
  ): NodeCondition => {
    const status = truth ? "True" : "False";
    const old = previous.find((condition) => condition.type === type);
    const [reason, message] = truth ? yes : no;
    return {
      type,
      status,
      lastHeartbeatTime: now,
      lastTransitionTime: old?.status === status && old.lastTransitionTime !== undefined ? old.lastTransitionTime : now,
      reason,
      message,
    };
  };
  const { memory, disk, pid } = facts.pressure;
  return [
    make(
      "MemoryPressure",
      memory,
      ["KubeletHasInsufficientMemory", "kubelet has insufficient memory available"],
      ["KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
    ),
    make(
      "DiskPressure",
      disk,
      ["KubeletHasDiskPressure", "kubelet has disk pressure"],
      ["KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
    ),
    make(
      "PIDPressure",
      pid,
      ["KubeletHasInsufficientPID", "kubelet has insufficient PID available"],
      ["KubeletHasSufficientPID", "kubelet has sufficient PID available"],
    ),
    make(
      "Ready",
      facts.problems.length === 0,
      ["KubeletReady", "kubelet is posting ready status"],
      ["KubeletNotReady", aggregate(facts.problems)],
    ),
  ];
}

/** Several errors in one line, as Go prints them. */
export function aggregate(problems: readonly string[]): string {
  return problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
}

function images(list: readonly cri.Image[]): NonNullable<NodeStatus["images"]> {
  return list
    .toSorted((a, b) => (b.size > a.size ? 1 : b.size < a.size ? -1 : 0))
    .slice(0, MAX_IMAGES)
    .map((image) => ({
      names: [...image.repoDigests, ...image.repoTags].slice(0, MAX_NAMES_PER_IMAGE),
      sizeBytes: Number(image.size),
    }));
}
