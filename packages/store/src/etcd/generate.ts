/**
 * Generates `src/generated/etcd.ts` (messages, codec and gRPC clients of etcd v3) from `proto/etcd.proto`.
 * Run by `npm run generate`; works without a network.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const require = createRequire(import.meta.url);
const out = join(root, "src/generated");
const bin = (name: string, file: string): string => join(dirname(require.resolve(`${name}/package.json`)), file);

/** Literal unions instead of enums, because the sources run by type stripping; 64-bit integers are numbers: revisions fit. */
const tsProtoOptions = [
  "outputServices=grpc-js",
  "enumsAsLiterals=true",
  "forceLong=number",
  "esModuleInterop=true",
  "importSuffix=.js",
  "useOptionals=none",
  "outputJsonMethods=false",
  "outputPartialMethods=true",
  "useExactTypes=false",
  "oneof=unions-value",
  "env=node",
];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const template = {
  version: "v2",
  plugins: [{ local: [process.execPath, bin("ts-proto", "protoc-gen-ts_proto")], out, opt: tsProtoOptions }],
};
execFileSync(
  process.execPath,
  [bin("@bufbuild/buf", "bin/buf"), "generate", "--template", JSON.stringify(template), "proto"],
  { cwd: root, stdio: "inherit" },
);
