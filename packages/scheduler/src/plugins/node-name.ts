import type { FilterPlugin } from "../framework/plugin.ts";
import { unresolvable } from "../framework/status.ts";
import { NAMES } from "./names.ts";

const REJECTED = unresolvable("node(s) didn't match the requested node name");

export const nodeName: FilterPlugin = {
  name: NAMES.nodeName,
  events: ["NodeAdd"],
  filter: (_state, { pod }, node) => (pod.spec?.nodeName && pod.spec.nodeName !== node.name ? REJECTED : undefined),
};
