import type { QueueSortPlugin } from "../framework/plugin.ts";
import { NAMES } from "./names.ts";

/** Higher priority first; of equals, who came first. */
export const prioritySort: QueueSortPlugin = {
  name: NAMES.prioritySort,
  compare: (a, b) => b.info.priority - a.info.priority || a.timestamp - b.timestamp,
};
