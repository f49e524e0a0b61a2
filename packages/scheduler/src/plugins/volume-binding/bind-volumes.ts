import { persistentVolumeClaims, persistentVolumes } from "@knots/api/core/v1";
import type { PersistentVolumeClaim } from "@knots/api/core/v1";
import type { Handle } from "../../framework/handle.ts";
import { isBound, SELECTED_NODE } from "./claims.ts";
import type { FoundVolumes } from "./find-volumes.ts";

const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
const POLL = 250;

/**
 * Tells each volume that was found whose it is, and each claim that is to get a new one on which node; then waits until the
 * volume controller and the provisioners have bound all of them. Rejects after `timeoutMs`, and where one of them says that
 * the pod has to go elsewhere: it is scheduled anew.
 */
export async function bindVolumes(
  { client, clock, listers }: Pick<Handle, "client" | "clock" | "listers">,
  { bindings, provisions }: FoundVolumes,
  { nodeName, timeoutMs, signal }: { nodeName: string; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  for (const { claim, volume } of bindings) {
    const { name = "", uid, resourceVersion } = volume.metadata ?? {};
    const { namespace, name: claimName, uid: claimUid, resourceVersion: claimVersion } = claim.metadata ?? {};
    if (volume.spec?.claimRef?.uid === claimUid) continue;
    // A volume that was put aside by name keeps saying that a person did that.
    const annotations = volume.spec?.claimRef === undefined ? { [BOUND_BY_CONTROLLER]: "yes" } : {};
    const claimRef = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      namespace,
      name: claimName,
      uid: claimUid,
      resourceVersion: claimVersion,
    };
    // Of that version: nobody else may have taken it.
    const body = { metadata: { uid, resourceVersion, annotations }, spec: { claimRef } };
    await client.resource(persistentVolumes).patch(name, body, { type: "merge" });
  }
  for (const claim of provisions) {
    const { namespace, name = "", uid, annotations } = claim.metadata ?? {};
    if (annotations?.[SELECTED_NODE] === nodeName) continue;
    const body = { metadata: { uid, annotations: { [SELECTED_NODE]: nodeName } } };
    await client.resource(persistentVolumeClaims, namespace).patch(name, body, { type: "merge" });
  }
  const waiting = new Set([...bindings.map(({ claim }) => claim), ...provisions]);
  const provisioned = new Set(provisions);
  /** Claims of which the informer has seen that they name the node. */
  const told = new Set<PersistentVolumeClaim>();
  const deadline = clock.now() + timeoutMs;
  for (;;) {
    for (const claim of waiting) {
      const { namespace = "", name = "" } = claim.metadata ?? {};
      const current = listers.claim(namespace, name);
      if (current === undefined || current.metadata?.uid !== claim.metadata?.uid)
        throw new Error(`persistentvolumeclaim ${JSON.stringify(name)} not found`);
      if (isBound(current)) waiting.delete(claim);
      else if (current.metadata?.annotations?.[SELECTED_NODE] === nodeName) told.add(claim);
      // The provisioner could not make one that this node would reach.
      else if (provisioned.has(claim) && told.has(claim))
        throw new Error(`selectedNode annotation reset for PVC ${JSON.stringify(name)}`);
    }
    if (waiting.size === 0) return;
    if (clock.now() > deadline) throw new Error("binding volumes: context deadline exceeded");
    await clock.sleep(POLL, signal);
  }
}
