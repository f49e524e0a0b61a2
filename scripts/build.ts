// Generates what is computed at build time, then bundles: one entry, a chunk per component, so that a process loads only what it runs.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const stamp = join(dist, ".built");
const startedAt = new Date();

function run(script: string): void {
  const result = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", script], {
    cwd: root,
    stdio: "inherit",
  });
  if (result.status !== 0) throw new Error(`${script} failed`);
}

function newest(dir: string): number {
  let time = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) time = Math.max(time, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return time;
}

/** Runs a package's generator when its inputs are newer than what it made. */
function generate(script: string, inputs: string[], output: string): void {
  if (!existsSync(join(root, script))) return;
  const made = existsSync(join(root, output)) ? newest(join(root, output)) : 0;
  if (made > 0 && inputs.every((input) => newest(join(root, input)) < made)) return;
  run(script);
}

generate(
  "packages/api/src/generator/main.ts",
  ["packages/api/facts", "packages/api/src/generator"],
  "packages/api/src/generated",
);
generate("packages/kubelet/src/cri/generate.ts", ["packages/kubelet/proto"], "packages/kubelet/src/generated");
generate("packages/store/src/etcd/generate.ts", ["packages/store/proto"], "packages/store/src/generated");

if (process.argv.includes("--generate-only")) process.exit(0);

/**
 * Node fills in what an ES module imports of a builtin by reading all of its exports, and three of node:http's bring the
 * whole of fetch with them: 60 ms of processor and 14 MB for every process and thread. Taken as an object they stay unread.
 */
const lazyHttp: Plugin = {
  name: "lazy-http",
  setup(bundling) {
    bundling.onResolve({ filter: /^(node:)?http$/ }, () => ({ path: "http", namespace: "lazy-http" }));
    bundling.onLoad({ filter: /.*/, namespace: "lazy-http" }, () => ({
      contents: 'module.exports = process.getBuiltinModule("node:http");',
    }));
  },
};

/** What /version names; an archive without git has no commit to tell. */
function gitCommit(): string {
  const { stdout, status } = spawnSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout.trim() : "0".repeat(40);
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: {
    knots: "packages/cli/src/main.ts",
    // A thread's own entry, found beside the file that starts it.
    "yaml-worker": "packages/apiserver/src/http/yaml-worker.ts",
  },
  outdir: "dist",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  minifySyntax: true,
  // Where a package has both, its ES modules: what is not used of them is left out, and nothing copies exports at every start.
  mainFields: ["module", "main"],
  legalComments: "none",
  external: ["lmdb"],
  define: { KNOTS_GIT_COMMIT: JSON.stringify(gitCommit()) },
  plugins: [lazyHttp],
  // CommonJS dependencies call require(); an ES module has none.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; import { fileURLToPath as __toPath } from "node:url"; import { dirname as __dir } from "node:path"; const require = __createRequire(import.meta.url); const __filename = __toPath(import.meta.url); const __dirname = __dir(__filename);',
  },
  logLevel: "warning",
});
const data = join(root, "packages/api/src/generated");
if (existsSync(data)) {
  cpSync(data, join(dist, "generated"), {
    recursive: true,
    filter: (source) => statSync(source).isDirectory() || !source.endsWith(".ts"),
  });
}
// The stamp bears the time the build began: a source saved while it ran makes the next run build again.
writeFileSync(stamp, "");
const { utimesSync } = await import("node:fs");
utimesSync(stamp, startedAt, startedAt);
