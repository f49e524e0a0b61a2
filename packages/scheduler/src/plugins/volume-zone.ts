import type { StateData } from "../framework/cycle-state.ts";
import type { Handle } from "../framework/handle.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { SKIP, unresolvable } from "../framework/status.ts";
import { NAMES } from "./names.ts";
import { claimNames } from "./volume-binding/claims.ts";

const CONFLICT = unresolvable("node(s) had no available volume zone");

/** Labels of volumes that say where they can be attached, each with the name under which nodes say it today. */
const TOPOLOGY_LABELS: Readonly<Record<string, string>> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region": "topology.kubernetes.io/region",
};

interface Topology {
  readonly key: string;
  readonly values: ReadonlySet<string>;
}

interface Topologies extends StateData {
  readonly all: readonly Topology[];
}

/** Zones and regions that a volume's labels name; several are joined by "__". Pure. */
export function topologiesOf(labels: Readonly<Record<string, string>>): Topology[] {
  return Object.keys(TOPOLOGY_LABELS).flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, values: new Set(value.split("__")) }];
  });
}

/** Keeps pods in the zones of their volumes, where those say it by labels (volumes older than node affinity). */
export function volumeZone({ listers }: Handle): PreFilterPlugin & FilterPlugin {
  return {
    name: NAMES.volumeZone,
    events: ["NodeAdd", "NodeLabelChange", "VolumeChange", "PodUpdate"],
    preFilter(state, { pod, namespace }) {
      const all = claimNames(pod).flatMap(({ name }) => {
        const volumeName = listers.claim(namespace, name)?.spec?.volumeName;
        const volume = volumeName === undefined ? undefined : listers.volume(volumeName);
        return topologiesOf(volume?.metadata?.labels ?? {});
      });
      if (all.length === 0) return { status: SKIP };
      const data: Topologies = { all, clone: () => data };
      state.write(NAMES.volumeZone, data);
      return undefined;
    },
    filter(state, _pod, { node }) {
      const labels = node?.metadata?.labels ?? {};
      // A cluster whose nodes say nothing of zones has none.
      if (!Object.keys(TOPOLOGY_LABELS).some((key) => labels[key] !== undefined)) return undefined;
      for (const { key, values } of state.read<Topologies>(NAMES.volumeZone)?.all ?? []) {
        const value = labels[key] ?? labels[TOPOLOGY_LABELS[key] ?? key];
        if (value === undefined || !values.has(value)) return CONFLICT;
      }
      return undefined;
    },
  };
}
