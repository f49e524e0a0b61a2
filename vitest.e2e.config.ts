import { defineConfig } from "vitest/config";

// Real clusters on this machine: one file after the other.
export default defineConfig({
  test: {
    include: ["e2e/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 600_000,
  },
});
