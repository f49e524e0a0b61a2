import type { StateData } from "../../framework/cycle-state.ts";
import type { Handle } from "../../framework/handle.ts";
import type { FilterPlugin, PreBindPlugin, PreFilterPlugin, ReservePlugin } from "../../framework/plugin.ts";
import { errorStatus, SKIP, unresolvable } from "../../framework/status.ts";
import { NAMES } from "../names.ts";
import { bindVolumes } from "./bind-volumes.ts";
import { claimNames, podClaims } from "./claims.ts";
import type { PodClaims } from "./claims.ts";
import { findVolumes, reaches, wanting } from "./find-volumes.ts";
import type { FoundVolumes, Wanting } from "./find-volumes.ts";
import { Promises } from "./promises.ts";

const UNBOUND_IMMEDIATE = unresolvable("pod has unbound immediate PersistentVolumeClaims");
const NODE_CONFLICT = unresolvable("node(s) didn't match PersistentVolume's node affinity");
const NO_SUCH_VOLUME = unresolvable("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
const LACKING = {
  volumes: unresolvable("node(s) didn't find available persistent volumes to bind"),
  space: unresolvable("node(s) did not have enough free storage"),
};
const DEFAULT_BIND_TIMEOUT = 600_000;

/** VolumeBindingArgs. */
export interface VolumeBindingArgs {
  /** How long a pod waits for its claims to be bound. */
  readonly bindTimeoutMs?: number;
}

class ClaimState implements StateData {
  readonly bound: PodClaims["bound"];
  readonly delayed: readonly Wanting[];
  /** What each node that passed has to offer. */
  readonly found = new Map<string, FoundVolumes>();

  constructor(bound: PodClaims["bound"], delayed: readonly Wanting[]) {
    this.bound = bound;
    this.delayed = delayed;
  }

  // What a node has to offer does not depend on its pods.
  clone(): ClaimState {
    return this;
  }
}

/**
 * Pods go where their volumes are; a pod with a claim that should be bound by now waits. For claims that wait for their first
 * consumer a volume is chosen, or a provisioner is told the node, and the pod is bound after them.
 */
export function volumeBinding(
  handle: Handle,
  { bindTimeoutMs = DEFAULT_BIND_TIMEOUT }: VolumeBindingArgs = {},
): PreFilterPlugin & FilterPlugin & ReservePlugin & PreBindPlugin {
  const { listers } = handle;
  const promises = new Promises();
  const around = {
    storageClass: (name: string) => listers.storageClass(name),
    csiDriver: (name: string) => listers.csiDriver(name),
    storageCapacities: () => listers.storageCapacities(),
    isPromised: promises.isPromised.bind(promises),
    promisedNode: promises.promisedNode.bind(promises),
  };
  return {
    name: NAMES.volumeBinding,
    events: ["VolumeChange", "NodeAdd", "NodeLabelChange", "PodUpdate"],
    preFilter(state, { pod }) {
      if (claimNames(pod).length === 0) return { status: SKIP };
      const claims = podClaims(pod, listers);
      if (typeof claims === "string") return { status: unresolvable(claims) };
      if (claims.immediate.length > 0) return { status: UNBOUND_IMMEDIATE };
      const delayed = claims.delayed.length === 0 ? [] : wanting(claims.delayed, listers.volumes());
      state.write(NAMES.volumeBinding, new ClaimState(claims.bound, delayed));
      return undefined;
    },
    filter(state, _pod, node) {
      const claims = state.read<ClaimState>(NAMES.volumeBinding);
      if (claims === undefined) return undefined;
      for (const claim of claims.bound) {
        const volume = listers.volume(claim.spec?.volumeName ?? "");
        if (volume === undefined) return NO_SUCH_VOLUME;
        if (!reaches(volume, node)) return NODE_CONFLICT;
      }
      if (claims.delayed.length === 0) return undefined;
      const found = findVolumes(claims.delayed, node, around);
      if (typeof found === "string") return LACKING[found];
      claims.found.set(node.name, found);
      return undefined;
    },
    reserve(state, _pod, nodeName) {
      const found = state.read<ClaimState>(NAMES.volumeBinding)?.found.get(nodeName);
      if (found !== undefined) promises.make(found, nodeName);
      return undefined;
    },
    unreserve(state, _pod, nodeName) {
      const found = state.read<ClaimState>(NAMES.volumeBinding)?.found.get(nodeName);
      if (found !== undefined) promises.takeBack(found);
    },
    async preBind(state, _pod, nodeName, signal) {
      const found = state.read<ClaimState>(NAMES.volumeBinding)?.found.get(nodeName);
      if (found === undefined) return undefined;
      try {
        await bindVolumes(handle, found, { nodeName, timeoutMs: bindTimeoutMs, signal });
        // The informer has seen them bound: there is nothing left to keep from others.
        promises.takeBack(found);
        return undefined;
      } catch (error) {
        return errorStatus(error);
      }
    },
  };
}
