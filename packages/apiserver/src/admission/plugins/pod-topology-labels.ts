import type { Binding, Pod } from "@knots/api/core/v1";
import { nodes } from "@knots/api/core/v1";
import type { KubeObject } from "@knots/machinery";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { concerns } from "./match.ts";

const TOPOLOGY_LABELS = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/** Pods carry their node's zone and region, so that they can read them by the downward API (KEP-4742). */
export const podTopologyLabels: AdmissionPlugin = {
  name: "PodTopologyLabels",
  handles: (attributes) =>
    concerns(attributes, "pods", ["CREATE"]) || concerns(attributes, "pods", ["CREATE"], "", "binding"),
  mutate(attributes) {
    const node =
      attributes.subresource === "binding"
        ? nodeOfBinding(attributes.object as Binding)
        : (attributes.object as Pod).spec?.nodeName;
    if (node === undefined || node === "" || attributes.object === undefined) return;
    label(attributes.object, attributes, node);
  },
};

function nodeOfBinding({ target }: Binding): string | undefined {
  return target.kind === undefined || target.kind === "" || target.kind === "Node" ? target.name : undefined;
}

/** A node that does not exist, or lies in no zone, has nothing to give. */
function label(object: KubeObject, { objects }: AdmissionAttributes, node: string): void {
  const of = objects.get(nodes, undefined, node)?.metadata?.labels ?? {};
  for (const key of TOPOLOGY_LABELS) {
    const value = of[key];
    if (value === undefined) continue;
    const metadata = (object.metadata ??= {});
    metadata.labels = { ...metadata.labels, [key]: value };
  }
}
