import type { Pod, Toleration } from "@knots/api/core/v1";
import type { AdmissionPlugin } from "../types.ts";
import { concerns } from "./match.ts";

const NOT_READY = "node.kubernetes.io/not-ready";
const UNREACHABLE = "node.kubernetes.io/unreachable";
const SECONDS = 300;

/** Pods stay five minutes on a node that is not ready or unreachable, unless they say otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  handles: (attributes) => concerns(attributes, "pods", ["CREATE", "UPDATE"]),
  mutate({ object }) {
    const { spec } = object as Pod;
    if (spec === undefined) return;
    const tolerations = spec.tolerations ?? [];
    const added = [NOT_READY, UNREACHABLE]
      .filter((key) => !tolerations.some((toleration) => covers(toleration, key)))
      .map((key): Toleration => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: SECONDS }));
    if (added.length > 0) spec.tolerations = [...tolerations, ...added];
  },
};

function covers({ key, effect }: Toleration, taint: string): boolean {
  const anyKey = key === undefined || key === "";
  const anyEffect = effect === undefined || effect === "";
  return (anyKey || key === taint) && (anyEffect || effect === "NoExecute");
}
