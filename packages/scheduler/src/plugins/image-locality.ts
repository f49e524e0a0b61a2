import type { StateData } from "../framework/cycle-state.ts";
import { MAX_NODE_SCORE } from "../framework/plugin.ts";
import type { Handle } from "../framework/handle.ts";
import type { PreScorePlugin, ScorePlugin } from "../framework/plugin.ts";
import { SKIP } from "../framework/status.ts";
import { NAMES } from "./names.ts";

const MB = 1024 * 1024;
/** Below this it makes no difference that an image is there already; above the other, a container, no more. */
const MIN_THRESHOLD = 23 * MB;
const MAX_CONTAINER_THRESHOLD = 1000 * MB;

/** Adds ":latest" where neither tag nor digest is given. */
export function normalizedImageName(name: string): string {
  return name.lastIndexOf(":") <= name.lastIndexOf("/") ? `${name}:latest` : name;
}

interface Images extends StateData {
  /** The pod's images that some node has, with what having one is worth. */
  readonly known: readonly { readonly name: string; readonly worth: number }[];
  readonly containers: number;
}

/** Prefers nodes that have the pod's images; images few nodes have count less, lest all pods gather there. */
export function imageLocality(handle: Handle): PreScorePlugin & ScorePlugin {
  return {
    name: NAMES.imageLocality,
    preScore(state, { pod }) {
      const snapshot = handle.snapshot();
      const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
      const known = containers.flatMap(({ image }) => {
        const name = normalizedImageName(image ?? "");
        const found = snapshot.image(name);
        return found === undefined ? [] : [{ name, worth: (found.size * found.nodes) / snapshot.nodes.length }];
      });
      // No node has any: all would get the same.
      if (known.length === 0) return SKIP;
      const data: Images = { known, containers: containers.length, clone: () => data };
      state.write(NAMES.imageLocality, data);
      return undefined;
    },
    score(state, _pod, { images }) {
      const data = state.read<Images>(NAMES.imageLocality);
      if (data === undefined) return 0;
      let sum = 0;
      for (const { name, worth } of data.known) if (images.has(name)) sum += worth;
      const max = MAX_CONTAINER_THRESHOLD * data.containers;
      const bounded = Math.min(Math.max(sum, MIN_THRESHOLD), max);
      return Math.floor((MAX_NODE_SCORE * (bounded - MIN_THRESHOLD)) / (max - MIN_THRESHOLD));
    },
  };
}
