// kubeconfig files: read, written, and a context merged in or taken out without harm to the rest.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { createRequire } from "node:module";
import type { RestConfig } from "./rest-config.ts";

/** YAML is loaded only where a kubeconfig is read. */
function yaml(): typeof import("yaml") {
  return createRequire(import.meta.url)("yaml") as typeof import("yaml");
}

interface Named {
  name: string;
}

interface ClusterEntry extends Named {
  cluster: {
    server?: string;
    "certificate-authority-data"?: string;
    "certificate-authority"?: string;
    "insecure-skip-tls-verify"?: boolean;
  };
}

interface UserEntry extends Named {
  user: {
    "client-certificate-data"?: string;
    "client-certificate"?: string;
    "client-key-data"?: string;
    "client-key"?: string;
    token?: string;
    tokenFile?: string;
    exec?: unknown;
    "auth-provider"?: unknown;
  };
}

interface ContextEntry extends Named {
  context: { cluster?: string; user?: string; namespace?: string };
}

interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  "current-context"?: string;
  clusters?: ClusterEntry[] | null;
  users?: UserEntry[] | null;
  contexts?: ContextEntry[] | null;
  [other: string]: unknown;
}

export interface KubeconfigEntry {
  name: string;
  server: string;
  /** PEM texts. */
  ca: string;
  cert?: string;
  key?: string;
  token?: string;
}

function parse(text: string, file: string): Kubeconfig {
  let value: unknown;
  try {
    value = yaml().parse(text) as unknown;
  } catch (error) {
    throw new Error(
      `${file} is not valid YAML (${error instanceof Error ? error.message.split("\n")[0] : String(error)}); it was left as it is`,
      { cause: error },
    );
  }
  if (value === null || value === undefined) return {};
  const config = value as Kubeconfig;
  const lists = [config.clusters, config.users, config.contexts];
  if (typeof value !== "object" || Array.isArray(value) || !lists.every(isListOfEntries)) {
    throw new Error(`${file} is not a kubeconfig; it was left as it is`);
  }
  return config;
}

function isListOfEntries(list: unknown): boolean {
  return list === undefined || list === null || (Array.isArray(list) && list.every(isObject));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Of an entry that may be null, or something else by mistake: its fields, all of which are texts but for the last few. */
function fieldsOf<T extends object>(value: T | undefined, what: string, file: string): T | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new Error(`${what} of ${file} is not an object`);
  for (const [field, each] of Object.entries(value)) {
    if (each === null || typeof each === "string" || NO_TEXTS.has(field)) continue;
    throw new Error(`${field} of ${what} of ${file} is not a text`);
  }
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null)) as T;
}

const NO_TEXTS = new Set([
  "insecure-skip-tls-verify",
  "disable-compression",
  "exec",
  "auth-provider",
  "extensions",
  "as-groups",
  "as-user-extra",
]);

const decode = (base64: string | undefined): string | undefined =>
  base64 === undefined ? undefined : Buffer.from(base64, "base64").toString();
const encode = (pem: string): string => Buffer.from(pem).toString("base64");

/** Reads a context (the current one unless named) of a kubeconfig file. Throws an Error that names what is missing. */
export function loadKubeconfig(file: string, contextName?: string): RestConfig {
  const config = parse(readFileSync(file, "utf8"), file);
  const name = contextName ?? config["current-context"] ?? "";
  const find = <T extends Named>(list: T[] | null | undefined, wanted: unknown): T | undefined =>
    list?.find((each) => each.name === wanted);
  const context = fieldsOf(find(config.contexts, name)?.context, "the context", file);
  if (context === undefined) throw new Error(`${file} has no context ${JSON.stringify(name)}`);
  const cluster = fieldsOf(find(config.clusters, context.cluster)?.cluster, "the cluster", file);
  if (cluster?.server === undefined)
    throw new Error(`${file} has no server for cluster ${JSON.stringify(context.cluster ?? "")}`);
  const user = fieldsOf(find(config.users, context.user)?.user, "the user", file) ?? {};
  if (user.exec !== undefined || user["auth-provider"] !== undefined) {
    throw new Error(
      `user ${JSON.stringify(context.user)} of ${file} logs in through a helper program, which Knots does not run; use a certificate or a token`,
    );
  }
  const read = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : readFileSync(resolve(dirname(file), path), "utf8");
  const fields: { [K in keyof RestConfig]: RestConfig[K] | undefined } = {
    server: cluster.server,
    caData: decode(cluster["certificate-authority-data"]) ?? read(cluster["certificate-authority"]),
    clientCertData: decode(user["client-certificate-data"]) ?? read(user["client-certificate"]),
    clientKeyData: decode(user["client-key-data"]) ?? read(user["client-key"]),
    token: user.token,
    tokenFile: user.tokenFile,
    insecureSkipTLSVerify: cluster["insecure-skip-tls-verify"],
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as RestConfig;
}

function entries(entry: KubeconfigEntry): { cluster: ClusterEntry; user: UserEntry; context: ContextEntry } {
  const { name } = entry;
  return {
    cluster: { name, cluster: { server: entry.server, "certificate-authority-data": encode(entry.ca) } },
    user: {
      name,
      user: {
        ...(entry.cert === undefined ? {} : { "client-certificate-data": encode(entry.cert) }),
        ...(entry.key === undefined ? {} : { "client-key-data": encode(entry.key) }),
        ...(entry.token === undefined ? {} : { token: entry.token }),
      },
    },
    context: { name, context: { cluster: name, user: name } },
  };
}

/** Replaces the file in one step; only its owner can read it. */
function put(file: string, config: Kubeconfig): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.new`;
  try {
    writeFileSync(temporary, yaml().stringify(config), { mode: 0o600 });
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function replace<T extends Named>(list: T[] | null | undefined, item: T): T[] {
  return [...(list ?? []).filter((each) => each.name !== item.name), item];
}

/** Writes a kubeconfig with this one context. */
export function writeKubeconfig(file: string, entry: KubeconfigEntry): void {
  const { cluster, user, context } = entries(entry);
  put(file, {
    apiVersion: "v1",
    kind: "Config",
    clusters: [cluster],
    users: [user],
    contexts: [context],
    "current-context": entry.name,
  });
}

function readIfThere(file: string): Kubeconfig | undefined {
  try {
    return parse(readFileSync(file, "utf8"), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Puts the context into the file beside what is there and makes it current. Throws, and changes nothing, when the file cannot be read as a kubeconfig. */
export function mergeKubeconfig(file: string, entry: KubeconfigEntry): void {
  const config = readIfThere(file) ?? {};
  const { cluster, user, context } = entries(entry);
  put(file, {
    ...config,
    apiVersion: config.apiVersion ?? "v1",
    kind: config.kind ?? "Config",
    clusters: replace(config.clusters, cluster),
    users: replace(config.users, user),
    contexts: replace(config.contexts, context),
    "current-context": entry.name,
  });
}

/** Takes a context, its cluster and its user out of the file; what else is there stays. */
export function removeKubeconfigContext(file: string, name: string): void {
  const config = readIfThere(file);
  if (config === undefined) return;
  const without = <T extends Named>(list: T[] | null | undefined): T[] =>
    (list ?? []).filter((each) => each.name !== name);
  const contexts = without(config.contexts);
  put(file, {
    ...config,
    clusters: without(config.clusters),
    users: without(config.users),
    contexts,
    "current-context":
      config["current-context"] === name ? (contexts[0]?.name ?? "") : (config["current-context"] ?? ""),
  });
}
