import type { StateData } from "../framework/cycle-state.ts";
import type { Handle } from "../framework/handle.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { SKIP, unschedulable } from "../framework/status.ts";
import { NAMES } from "./names.ts";
import { claimNames } from "./volume-binding/claims.ts";

const IN_USE = unschedulable(
  "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
);

/** Uids of the pods that use the new pod's ReadWriteOncePod claims: wherever they are, it must wait for them. */
class Users implements StateData {
  readonly uids: Set<string>;

  constructor(uids: Set<string>) {
    this.uids = uids;
  }

  clone(): Users {
    return new Users(new Set(this.uids));
  }
}

export function volumeRestrictions(handle: Handle): PreFilterPlugin & FilterPlugin {
  const exclusive = ({ pod, namespace }: PodInfo): Set<string> =>
    new Set(
      claimNames(pod)
        .map(({ name }) => name)
        .filter((name) => handle.listers.claim(namespace, name)?.spec?.accessModes?.includes("ReadWriteOncePod")),
    );
  const uses = (other: PodInfo, names: ReadonlySet<string>): boolean =>
    claimNames(other.pod).some(({ name }) => names.has(name));
  return {
    name: NAMES.volumeRestrictions,
    events: ["AssignedPodDelete", "VolumeChange", "PodUpdate"],
    preFilter(state, pod) {
      const names = exclusive(pod);
      if (names.size === 0) return { status: SKIP };
      const users = new Set<string>();
      for (const { info } of handle.snapshot().podsIn(pod.namespace)) if (uses(info, names)) users.add(info.uid);
      state.write(NAMES.volumeRestrictions, new Users(users));
      return undefined;
    },
    addPod(state, pod, added) {
      if (added.namespace === pod.namespace && uses(added, exclusive(pod))) {
        state.read<Users>(NAMES.volumeRestrictions)?.uids.add(added.uid);
      }
    },
    removePod(state, _pod, removed) {
      state.read<Users>(NAMES.volumeRestrictions)?.uids.delete(removed.uid);
    },
    filter: (state) => ((state.read<Users>(NAMES.volumeRestrictions)?.uids.size ?? 0) > 0 ? IN_USE : undefined),
  };
}
