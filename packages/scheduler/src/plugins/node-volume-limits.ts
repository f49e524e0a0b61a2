import type { StateData } from "../framework/cycle-state.ts";
import type { Handle, Listers } from "../framework/handle.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { SKIP, unschedulable } from "../framework/status.ts";
import { NAMES } from "./names.ts";
import { claimNames } from "./volume-binding/claims.ts";

const EXCEEDED = unschedulable("node(s) exceed max volume count");

/** Driver of each of a pod's CSI volumes, by a name that two pods with the same volume share. */
export type CsiVolumes = ReadonlyMap<string, string>;

interface NewVolumes extends StateData {
  readonly volumes: CsiVolumes;
}

/** The volumes of a pod that a CSI driver attaches: of its bound claims, and of those that a driver is going to provision. */
export function csiVolumes({ pod, namespace }: PodInfo, listers: Listers): CsiVolumes {
  const result = new Map<string, string>();
  for (const { name } of claimNames(pod)) {
    const claim = listers.claim(namespace, name);
    const volumeName = claim?.spec?.volumeName;
    if (volumeName !== undefined && volumeName !== "") {
      const csi = listers.volume(volumeName)?.spec?.csi;
      if (csi !== undefined) result.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
      continue;
    }
    const driver = listers.storageClass(claim?.spec?.storageClassName ?? "")?.provisioner;
    if (driver !== undefined) result.set(`${driver}/${driver}-${namespace}/${name}`, driver);
  }
  return result;
}

/** No more volumes of a CSI driver on a node than the driver says can be attached there (CSINode's allocatable count). */
export function nodeVolumeLimits({ listers }: Handle): PreFilterPlugin & FilterPlugin {
  const limitsOf = (nodeName: string): Map<string, number> => {
    const limits = new Map<string, number>();
    for (const { name, allocatable } of listers.csiNode(nodeName)?.spec?.drivers ?? []) {
      if (allocatable?.count !== undefined) limits.set(name, allocatable.count);
    }
    return limits;
  };
  return {
    name: NAMES.nodeVolumeLimits,
    events: ["NodeAdd", "AssignedPodDelete", "VolumeChange", "PodUpdate"],
    preFilter(state, pod) {
      const volumes = csiVolumes(pod, listers);
      if (volumes.size === 0) return { status: SKIP };
      const data: NewVolumes = { volumes, clone: () => data };
      state.write(NAMES.nodeVolumeLimits, data);
      return undefined;
    },
    filter(state, _pod, node) {
      const wanted = state.read<NewVolumes>(NAMES.nodeVolumeLimits)?.volumes ?? new Map<string, string>();
      const limits = limitsOf(node.name);
      if (![...wanted.values()].some((driver) => limits.has(driver))) return undefined;
      const all = new Map(wanted);
      for (const other of node.pods.values()) {
        for (const [volume, driver] of csiVolumes(other, listers)) all.set(volume, driver);
      }
      const counts = new Map<string, number>();
      for (const driver of all.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1);
      for (const driver of new Set(wanted.values())) {
        if ((counts.get(driver) ?? 0) > (limits.get(driver) ?? Infinity)) return EXCEEDED;
      }
      return undefined;
    },
  };
}
