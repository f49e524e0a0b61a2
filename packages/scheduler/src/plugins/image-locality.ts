import { MAX_NODE_SCORE } from "../framework/plugin.ts";
import type { Handle } from "../framework/handle.ts";
import type { ScorePlugin } from "../framework/plugin.ts";
import { NAMES } from "./names.ts";

const MB = 1024 * 1024;
/** Below this it makes no difference that an image is there already; above the other, a container, no more. */
const MIN_THRESHOLD = 23 * MB;
const MAX_CONTAINER_THRESHOLD = 1000 * MB;

/** Adds ":latest" where neither tag nor digest is given. */
export function normalizedImageName(name: string): string {
  return name.lastIndexOf(":") <= name.lastIndexOf("/") ? `${name}:latest` : name;
}

/** Prefers nodes that have the pod's images; images few nodes have count less, lest all pods gather there. */
export function imageLocality(handle: Handle): ScorePlugin {
  return {
    name: NAMES.imageLocality,
    score(_state, { pod }, { node }) {
      const snapshot = handle.snapshot();
      const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
      const present = new Set(node?.status?.images?.flatMap(({ names }) => names ?? []));
      let sum = 0;
      for (const { image } of containers) {
        const name = normalizedImageName(image ?? "");
        const state = present.has(name) ? snapshot.image(name) : undefined;
        if (state !== undefined) sum += (state.size * state.nodes) / snapshot.nodes.length;
      }
      const max = MAX_CONTAINER_THRESHOLD * containers.length;
      const bounded = Math.min(Math.max(sum, MIN_THRESHOLD), max);
      return Math.floor((MAX_NODE_SCORE * (bounded - MIN_THRESHOLD)) / (max - MIN_THRESHOLD));
    },
  };
}
