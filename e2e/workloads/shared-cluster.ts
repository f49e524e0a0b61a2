// The cluster of two nodes that every file of this folder uses: up before the first, down after the last.
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { canRunNodes, TestCluster } from "../cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the cluster's kubeconfig is; empty where this machine cannot run one. */
    kubeconfig: string;
  }
}

/** KNOTS_E2E_KUBECONFIG names a cluster that runs already (two nodes on this machine): it is used and left as it is. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env["KNOTS_E2E_KUBECONFIG"];
  if (given !== undefined || !canRunNodes) {
    project.provide("kubeconfig", given ?? "");
    return undefined;
  }
  const cluster = new TestCluster("workloads");
  await cluster.knots("up", "--nodes", "2");
  project.provide("kubeconfig", join(cluster.home, "kubeconfig"));
  return async () => await cluster[Symbol.asyncDispose]();
}
