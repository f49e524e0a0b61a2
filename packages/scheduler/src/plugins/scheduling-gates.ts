import type { PreEnqueuePlugin } from "../framework/plugin.ts";
import { unresolvable } from "../framework/status.ts";
import { NAMES } from "./names.ts";

/** Keeps pods with scheduling gates out of the queue. */
export const schedulingGates: PreEnqueuePlugin = {
  name: NAMES.schedulingGates,
  events: ["PodUpdate"],
  preEnqueue({ pod }) {
    const gates = (pod.spec?.schedulingGates ?? []).map(({ name }) => name);
    return gates.length === 0 ? undefined : unresolvable(`waiting for scheduling gates: [${gates.join(" ")}]`);
  },
};
