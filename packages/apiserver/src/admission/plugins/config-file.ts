// --admission-control-config-file: what plug-ins are to know beside what is in the cluster.
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { podSecurityConfig } from "./pod-security-config.ts";
import type { PodSecurityConfig } from "./pod-security-config.ts";

export interface AdmissionConfig {
  readonly podSecurity?: PodSecurityConfig;
}

const API_VERSION = "apiserver.config.k8s.io/v1";

/** Readers by plug-in. */
const READERS: Readonly<Record<string, (document: unknown) => AdmissionConfig>> = {
  PodSecurity: (document) => ({ podSecurity: podSecurityConfig(document) }),
};

interface PluginEntry {
  readonly name?: unknown;
  readonly path?: unknown;
  readonly configuration?: unknown;
}

/** Reads an AdmissionConfiguration and the files that it names, relative to its own. Throws an Error that names the file. */
export async function readAdmissionConfig(file: string): Promise<AdmissionConfig> {
  const document = (await readYaml(file)) as { apiVersion?: unknown; kind?: unknown; plugins?: unknown } | null;
  if (document?.apiVersion !== API_VERSION || document.kind !== "AdmissionConfiguration")
    throw new Error(`${file}: expected ${API_VERSION}, Kind=AdmissionConfiguration`);
  const plugins = document.plugins ?? [];
  if (!Array.isArray(plugins)) throw new Error(`${file}: plugins must be a list`);
  let config: AdmissionConfig = {};
  for (const { name, path, configuration } of plugins as PluginEntry[]) {
    const reader = typeof name === "string" ? READERS[name] : undefined;
    // As upstream: what is said of a plug-in that takes no configuration is left alone.
    if (reader === undefined) continue;
    const named = typeof path === "string" && path !== "" ? resolve(dirname(file), path) : undefined;
    const inner = configuration ?? (named === undefined ? undefined : await readYaml(named));
    if (inner === undefined) continue;
    try {
      config = { ...config, ...reader(inner) };
    } catch (error) {
      throw new Error(`${named ?? file}: ${String(name)}: ${(error as Error).message}`, { cause: error });
    }
  }
  return config;
}

async function readYaml(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8");
  try {
    return parseYaml(text) as unknown;
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}
