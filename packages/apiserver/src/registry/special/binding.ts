import type { Binding, Pod } from "@knots/api/core/v1";
import { cloneJson, newConflict, newInvalid, newBadRequest, formatTime } from "@knots/machinery";
import { preconditionFailed } from "../deletion.ts";
import type { Operation } from "../operation.ts";
import type { Registry } from "../registry.ts";

const PODS = { group: "", resource: "pods" };

/** Assigns a pod to a node, once: POST pods/NAME/binding (upstream: assignPod). Throws Conflict or Invalid. */
export async function bindPod(
  registry: Registry,
  op: Operation,
  namespace: string,
  name: string,
  binding: Binding,
  now: number,
): Promise<void> {
  const { target } = binding;
  if (target.kind !== undefined && target.kind !== "" && target.kind !== "Node") {
    throw newInvalid({ group: "", kind: "Binding" }, name, [
      {
        type: "FieldValueNotSupported",
        field: "target.kind",
        badValue: target.kind,
        detail: 'supported values: "Node", "<empty>"',
      },
    ]);
  }
  const node = target.name ?? "";
  if (node === "") {
    throw newInvalid({ group: "", kind: "Binding" }, name, [
      { type: "FieldValueRequired", field: "target.name", detail: "" },
    ]);
  }
  const storage = registry.storageFor(PODS);
  await storage.update(op, {
    namespace,
    name,
    forceUnconditional: true,
    retryOnConflict: true,
    raw: true,
    transform(current) {
      if (current === undefined) throw newBadRequest("a binding needs a pod");
      const pod = cloneJson(current) as Pod & typeof current;
      const gr = { group: "", resource: "pods/binding" };
      const { uid = "", resourceVersion = "" } = binding.metadata ?? {};
      const { uid: its = "", resourceVersion: version = "" } = pod.metadata;
      const key = storage.key(namespace, name);
      if (uid !== "" && uid !== its) throw preconditionFailed(PODS, name, key, "UID", uid, its);
      if (resourceVersion !== "" && resourceVersion !== version)
        throw preconditionFailed(PODS, name, key, "ResourceVersion", resourceVersion, version);
      if (pod.metadata.deletionTimestamp !== undefined) {
        throw newConflict(gr, name, `pod ${name} is being deleted, cannot be assigned to a host`);
      }
      const { spec } = pod;
      if (spec === undefined) throw newBadRequest(`pod ${name} has no spec`);
      if (spec.nodeName !== undefined && spec.nodeName !== "") {
        throw newConflict(gr, name, `pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
      }
      if ((spec.schedulingGates ?? []).length > 0) {
        throw newConflict(gr, name, `pod ${name} has non-empty .spec.schedulingGates`);
      }
      spec.nodeName = node;
      const { annotations, labels } = binding.metadata ?? {};
      if (annotations !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
      // Since v1.35 a binding carries topology labels, which must not overwrite the pod's own.
      if (labels !== undefined) pod.metadata.labels = { ...labels, ...pod.metadata.labels };
      const status = pod.status ?? {};
      const others = (status.conditions ?? []).filter((condition) => condition.type !== "PodScheduled");
      const before = status.conditions?.find((condition) => condition.type === "PodScheduled");
      const unchanged = before?.status === "True";
      pod.status = {
        ...status,
        conditions: [
          ...others,
          unchanged
            ? before
            : {
                type: "PodScheduled",
                status: "True",
                lastProbeTime: null as never,
                lastTransitionTime: formatTime(new Date(now)),
              },
        ],
      };
      delete pod.metadata.resourceVersion;
      return pod;
    },
  });
}
