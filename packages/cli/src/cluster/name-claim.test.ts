import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { claimName, releaseName } from "./name-claim.ts";
import { writeSpec } from "./spec.ts";
import type { ClusterSpec } from "./spec.ts";

const home = mkdtempSync(join(tmpdir(), "knots-claims-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function clusterIn(folder: string, name: string): { dataDir: string } {
  const dataDir = join(home, folder);
  mkdirSync(dataDir, { recursive: true });
  const spec = { name, subnet: 0, apiPort: 6443, egressPort: 1, dnsForwardPort: 2, store: "lmdb", nodes: [] } as const;
  writeSpec(join(dataDir, "cluster.json"), { ...spec, kubeconfig: "", complete: true } satisfies ClusterSpec);
  return { dataDir };
}

it("gives a name to one data directory at a time", () => {
  const claims = join(home, "run");
  const [first, second] = [clusterIn("first", "a"), clusterIn("second", "a")];
  claimName("a", first, claims);
  claimName("a", first, claims);
  expect(() => claimName("a", second, claims)).toThrow(
    `there is a cluster a on this machine already, with its data in ${first.dataDir}`,
  );
  claimName("b", second, claims);
  releaseName("a", second, claims);
  expect(() => claimName("a", second, claims)).toThrow("already");
  releaseName("a", first, claims);
  releaseName("a", first, claims);
  claimName("a", second, claims);
  expect(() => claimName("a", first, claims)).toThrow(second.dataDir);
  // Deleted by hand: nothing has the name any more.
  rmSync(second.dataDir, { recursive: true });
  claimName("a", first, claims);
});
