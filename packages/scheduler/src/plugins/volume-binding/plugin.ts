import { persistentVolumeClaims } from "@knots/api/core/v1";
import type { PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import { Quantity, selectorFromLabelSelector } from "@knots/machinery";
import type { StateData } from "../../framework/cycle-state.ts";
import type { Handle } from "../../framework/handle.ts";
import type { NodeInfo } from "../../framework/node-info.ts";
import { compileNodeSelector, compileTerm } from "../../framework/node-selector.ts";
import type { FilterPlugin, PreBindPlugin, PreFilterPlugin } from "../../framework/plugin.ts";
import { errorStatus, SKIP, unresolvable, unschedulable } from "../../framework/status.ts";
import { NAMES } from "../names.ts";
import { claimNames, isBound, podClaims } from "./claims.ts";
import type { PodClaims } from "./claims.ts";

const UNBOUND_IMMEDIATE = unresolvable("pod has unbound immediate PersistentVolumeClaims");
const NODE_CONFLICT = unresolvable("node(s) didn't match PersistentVolume's node affinity");
const NO_VOLUME = unschedulable("node(s) didn't find available persistent volumes to bind");
const SELECTED_NODE = "volume.kubernetes.io/selected-node";
const NO_PROVISIONER = "kubernetes.io/no-provisioner";
const DEFAULT_BIND_TIMEOUT = 600_000;
const POLL = 250;

/** VolumeBindingArgs. */
export interface VolumeBindingArgs {
  /** How long a pod waits for its claims to be bound. */
  readonly bindTimeoutMs?: number;
}

class ClaimState implements StateData {
  readonly claims: PodClaims;

  constructor(claims: PodClaims) {
    this.claims = claims;
  }

  clone(): ClaimState {
    return this;
  }
}

/** Whether pods on that node can reach the volume. */
function reaches(volume: PersistentVolume, node: NodeInfo): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return required === undefined || (node.node !== undefined && compileNodeSelector(required)(node.node));
}

/** Whether an unbound volume would do for the claim. */
function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec } = volume;
  if (spec === undefined || volume.metadata?.deletionTimestamp !== undefined) return false;
  if (spec.claimRef !== undefined) {
    return (
      spec.claimRef.namespace === claim.metadata?.namespace &&
      spec.claimRef.name === claim.metadata?.name &&
      (spec.claimRef.uid === undefined || spec.claimRef.uid === claim.metadata?.uid)
    );
  }
  const asked = claim.spec?.resources?.requests?.["storage"];
  const offered = spec.capacity?.["storage"];
  return (
    volume.status?.phase === "Available" &&
    (spec.storageClassName ?? "") === (claim.spec?.storageClassName ?? "") &&
    (spec.volumeMode ?? "Filesystem") === (claim.spec?.volumeMode ?? "Filesystem") &&
    (claim.spec?.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode) ?? false) &&
    (claim.spec?.selector === undefined ||
      selectorFromLabelSelector(claim.spec.selector).matches(volume.metadata?.labels ?? {})) &&
    (asked === undefined || (offered !== undefined && Quantity.parse(offered).cmp(Quantity.parse(asked)) >= 0))
  );
}

/**
 * Pods go where their volumes are; a pod with a claim that should be bound by now waits. Claims that wait for their first
 * consumer are told the node (the provisioner or the volume controller then binds them), and the pod is bound after them.
 */
export function volumeBinding(
  handle: Handle,
  { bindTimeoutMs = DEFAULT_BIND_TIMEOUT }: VolumeBindingArgs = {},
): PreFilterPlugin & FilterPlugin & PreBindPlugin {
  const { listers, client, clock } = handle;
  const canProvision = (claim: PersistentVolumeClaim, node: NodeInfo): boolean => {
    const storageClass = listers.storageClass(claim.spec?.storageClassName ?? "");
    if (storageClass === undefined || storageClass.provisioner === NO_PROVISIONER) return false;
    const { allowedTopologies } = storageClass;
    if (allowedTopologies === undefined || allowedTopologies.length === 0) return true;
    return allowedTopologies.some((term) => {
      const matchExpressions = (term.matchLabelExpressions ?? []).map(({ key, values }) => ({
        key,
        operator: "In" as const,
        values,
      }));
      return node.node !== undefined && compileTerm({ matchExpressions })(node.node);
    });
  };
  return {
    name: NAMES.volumeBinding,
    events: ["VolumeChange", "NodeAdd", "NodeLabelChange", "PodUpdate"],
    preFilter(state, { pod }) {
      if (claimNames(pod).length === 0) return { status: SKIP };
      const claims = podClaims(pod, listers);
      if (typeof claims === "string") return { status: unresolvable(claims) };
      if (claims.immediate.length > 0) return { status: UNBOUND_IMMEDIATE };
      state.write(NAMES.volumeBinding, new ClaimState(claims));
      return undefined;
    },
    filter(state, _pod, node) {
      const claims = state.read<ClaimState>(NAMES.volumeBinding)?.claims;
      if (claims === undefined) return undefined;
      for (const claim of claims.bound) {
        const volume = listers.volume(claim.spec?.volumeName ?? "");
        if (volume === undefined)
          return unresolvable("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
        if (!reaches(volume, node)) return NODE_CONFLICT;
      }
      const taken = new Set<PersistentVolume>();
      for (const claim of claims.delayed) {
        const selected = claim.metadata?.annotations?.[SELECTED_NODE];
        if (selected !== undefined && selected !== node.name) return NO_VOLUME;
        const volume = listers.volumes().find((pv) => !taken.has(pv) && fits(pv, claim) && reaches(pv, node));
        if (volume !== undefined) taken.add(volume);
        else if (!canProvision(claim, node)) return NO_VOLUME;
      }
      return undefined;
    },
    async preBind(state, pod, nodeName, signal) {
      const delayed = state.read<ClaimState>(NAMES.volumeBinding)?.claims.delayed ?? [];
      if (delayed.length === 0) return undefined;
      try {
        const claims = client.resource(persistentVolumeClaims, pod.namespace);
        for (const claim of delayed) {
          if (claim.metadata?.annotations?.[SELECTED_NODE] === nodeName) continue;
          const body = { metadata: { uid: claim.metadata?.uid, annotations: { [SELECTED_NODE]: nodeName } } };
          await claims.patch(claim.metadata?.name ?? "", body, { type: "merge" });
        }
        const deadline = clock.now() + bindTimeoutMs;
        for (;;) {
          const waiting = delayed.filter((claim) => {
            const current = listers.claim(pod.namespace, claim.metadata?.name ?? "");
            return current === undefined || !isBound(current);
          });
          if (waiting.length === 0) return undefined;
          if (clock.now() > deadline) throw new Error("binding volumes: context deadline exceeded");
          await clock.sleep(POLL, signal);
        }
      } catch (error) {
        return errorStatus(error);
      }
    },
  };
}
