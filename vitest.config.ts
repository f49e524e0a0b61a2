import { spawnSync } from "node:child_process";
import { defineConfig } from "vitest/config";

const API_SUITE = "packages/apiserver/test/**/*.test.ts";

/** The API server's suite runs on every engine of the store; everything else once. */
const engines = ["lmdb", "etcd"].filter((engine) => engine !== "etcd" || etcdInstalled());

function etcdInstalled(): boolean {
  if (spawnSync("etcd", ["--version"], { stdio: "ignore" }).status === 0) return true;
  console.warn(
    "\n*** etcd is not on this machine: NOTHING IS TESTED ON ETCD. Install it (Debian: apt-get install etcd-server),\n" +
      "*** or run ./knots test as root, which does.\n",
  );
  return false;
}

export default defineConfig({
  test: {
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "scripts/**/*.test.ts"],
        },
      },
      ...engines.map((engine) => ({
        extends: true as const,
        test: { name: `apiserver on ${engine}`, include: [API_SUITE], env: { KNOTS_TEST_STORE: engine } },
      })),
    ],
  },
});
