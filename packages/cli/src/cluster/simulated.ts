// A cluster whose nodes are all simulated: the control plane and one process for the nodes, on the loopback address. Needs no root.
import { nodes } from "@knots/api/core/v1";
import type { Progress } from "../progress.ts";
import { ensureClusterCredentials, ensureSimulationCredentials } from "./credentials.ts";
import { startControlPlane, withClient } from "./lifecycle.ts";
import type { ClusterPaths } from "./paths.ts";
import { serverUrl, type ClusterSpec } from "./spec.ts";
import { waitFor } from "./wait.ts";

/** Returns when every simulated node is Ready. */
export async function bringUpSimulated(
  spec: ClusterSpec,
  paths: ClusterPaths,
  count: number,
  progress: Progress,
): Promise<void> {
  await progress.step("Start the control plane", async () => {
    await ensureClusterCredentials(spec, paths);
    await ensureSimulationCredentials(spec, paths);
    await startControlPlane(spec, paths);
  });
  await progress.step(`Wait for ${count} simulated nodes`, async (note) => {
    await withClient(paths, async (client) => {
      await waitFor(
        "not every simulated node became Ready",
        60_000 + count * 100,
        async () => {
          const { items } = await client.resource(nodes).list();
          const ready = items.filter(({ status }) =>
            status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"),
          ).length;
          note(`${ready} of ${count}`);
          return ready >= count || `${ready} of ${count} are`;
        },
        'Look at "knots logs simulated-nodes".',
      );
    });
  });
}

export function simulatedSummary(spec: ClusterSpec, count: number): string[] {
  return [
    `Cluster ${spec.name} is up: ${count} simulated nodes, kubectl context knots-${spec.name}.`,
    `  API server  ${serverUrl(spec)}`,
    "Their pods run nothing; annotations say when they are ready and when they end (packages/kubelet/README.md).",
  ];
}
