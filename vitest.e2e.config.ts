import { defineConfig } from "vitest/config";

// Real clusters on this machine.
export default defineConfig({
  test: {
    pool: "forks",
    testTimeout: 90_000,
    hookTimeout: 600_000,
    projects: [
      // Each file has a cluster of its own: one after the other.
      { extends: true, test: { name: "clusters", include: ["e2e/*.test.ts"], fileParallelism: false } },
      // All share one cluster, each test in a namespace of its own: they mostly wait, so they wait together.
      {
        extends: true,
        test: {
          name: "workloads",
          include: ["e2e/workloads/*.test.ts"],
          globalSetup: ["e2e/workloads/shared-cluster.ts"],
          testTimeout: 240_000,
          // A container takes about a second of processor time to start: more at a time would only wait longer.
          maxWorkers: 3,
          maxConcurrency: 3,
        },
      },
    ],
  },
});
