import type { Node } from "@knots/api/core/v1";
import { tolerationToleratesTaint } from "@knots/machinery";
import type { FilterPlugin } from "../framework/plugin.ts";
import { unresolvable } from "../framework/status.ts";
import { NAMES } from "./names.ts";

const REJECTED = unresolvable("node(s) were unschedulable");
const TAINT = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" } as const;

/** Cordoned nodes take only pods that tolerate the taint of that. */
export const nodeUnschedulable: FilterPlugin = {
  name: NAMES.nodeUnschedulable,
  events: ["NodeAdd", "NodeTaintChange", "PodUpdate"],
  hint: (_pod, event, _old, current) =>
    event === "PodUpdate" || event === "Flush" || (current as Node | undefined)?.spec?.unschedulable !== true,
  filter(_state, { pod }, { node }) {
    if (node?.spec?.unschedulable !== true) return undefined;
    const tolerated = pod.spec?.tolerations?.some((toleration) => tolerationToleratesTaint(toleration, TAINT));
    return tolerated === true ? undefined : REJECTED;
  },
};
