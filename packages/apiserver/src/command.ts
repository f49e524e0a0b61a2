import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { newLogger, shutdownRequested } from "@knots/machinery";
import { openLmdbStore, openMemoryStore } from "@knots/store";
import type { Store } from "@knots/store";
import type { ApiServerOptions, TlsPair } from "./options.ts";
import { ApiServer } from "./server.ts";

interface Flags {
  readonly dataDir?: string;
  readonly store: string;
  readonly securePort: number;
  readonly bindAddress: string;
  readonly advertiseAddress?: string;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly certSan?: string[];
  readonly clientCaFile?: string;
  readonly tokenAuthFile?: string;
  readonly anonymousAuth: string;
  readonly authorizationMode: string;
  readonly serviceClusterIpRange: string;
  readonly serviceNodePortRange: string;
  readonly serviceAccountIssuer?: string;
  readonly serviceAccountSigningKeyFile?: string;
  readonly apiAudiences?: string;
  readonly kubeletClientCertificate?: string;
  readonly kubeletClientKey?: string;
  readonly kubeletCertificateAuthority?: string;
  readonly disableAdmissionPlugins?: string;
  readonly eventTtl: number;
  readonly v: number;
}

/** `kube-apiserver` under upstream's flag names. */
export function command(): Command {
  return new Command("apiserver")
    .alias("kube-apiserver")
    .description("the API server: alone with --data-dir and --secure-port it is complete")
    .option("--data-dir <dir>", "where the embedded store and generated certificates live")
    .option("--store <engine>", "lmdb (durable, in --data-dir) or memory", "lmdb")
    .option("--secure-port <port>", "HTTPS port; 0 takes any free one", port, 6443)
    .option("--bind-address <ip>", "address to listen on", "0.0.0.0")
    .option("--advertise-address <ip>", "address under which members of the cluster reach this server")
    .option("--tls-cert-file <file>", "serving certificate (PEM); made when absent")
    .option("--tls-private-key-file <file>", "key of the serving certificate")
    .option("--cert-san <name...>", "further names and addresses of a generated serving certificate")
    .option("--client-ca-file <file>", "CA bundle of client certificates; the own CA when absent")
    .option("--token-auth-file <file>", 'static tokens: token,user,uid,"group1,group2" a line')
    .option("--anonymous-auth <bool>", "requests without credentials are system:anonymous", "true")
    .option("--authorization-mode <modes>", "comma-separated: Node, RBAC, AlwaysAllow, AlwaysDeny", "Node,RBAC")
    .option("--service-cluster-ip-range <cidr>", "addresses of Services", "10.96.0.0/12")
    .option("--service-node-port-range <range>", "node ports of Services", "30000-32767")
    .option("--service-account-issuer <url>", "issuer of service-account tokens")
    .option("--service-account-signing-key-file <file>", "key that signs service-account tokens; made when absent")
    .option("--api-audiences <list>", "audiences of service-account tokens; the issuer when absent")
    .option("--kubelet-client-certificate <file>", "client certificate towards kubelets; made when absent")
    .option("--kubelet-client-key <file>", "key of that certificate")
    .option("--kubelet-certificate-authority <file>", "CA of kubelets' serving certificates")
    .option("--disable-admission-plugins <list>", "comma-separated names of admission plug-ins to leave out")
    .option("--event-ttl <seconds>", "how long events are kept", integer, 3600)
    .option("-v, --v <level>", "log level, upstream's numbers", integer, 2)
    .action(async (flags: Flags) => {
      await run(flags);
    });
}

async function run(flags: Flags): Promise<void> {
  const logger = newLogger({ name: "kube-apiserver", level: flags.v >= 6 ? "trace" : flags.v >= 4 ? "debug" : "info" });
  const store = await openStore(flags);
  const server = new ApiServer({ ...(await readOptions(flags)), store, logger });
  const stopped = shutdownRequested();
  try {
    await server.start();
    await stopped;
    logger.info("shutting down");
  } finally {
    await server[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
}

async function openStore(flags: Flags): Promise<Store> {
  if (flags.store === "memory") return openMemoryStore();
  if (flags.store !== "lmdb") throw new Error(`--store must be lmdb or memory, not ${JSON.stringify(flags.store)}`);
  if (flags.dataDir === undefined)
    throw new Error("--data-dir says where the store lives; use --store memory to keep nothing");
  const dir = join(flags.dataDir, "store");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return openLmdbStore({ dir });
}

async function readOptions(flags: Flags): Promise<Omit<ApiServerOptions, "store">> {
  const serving = await readPair(
    flags.tlsCertFile,
    flags.tlsPrivateKeyFile,
    "--tls-cert-file",
    "--tls-private-key-file",
  );
  const kubelet = await readPair(
    flags.kubeletClientCertificate,
    flags.kubeletClientKey,
    "--kubelet-client-certificate",
    "--kubelet-client-key",
  );
  const clientCA = await read(flags.clientCaFile);
  const kubeletCA = await read(flags.kubeletCertificateAuthority);
  const signingKey = await read(flags.serviceAccountSigningKeyFile);
  const options: Record<keyof Omit<ApiServerOptions, "store" | "clock" | "logger">, unknown> = {
    dataDir: flags.dataDir,
    securePort: flags.securePort,
    bindAddress: flags.bindAddress,
    advertiseAddress: flags.advertiseAddress,
    certSANs: flags.certSan,
    serviceClusterIPRange: flags.serviceClusterIpRange,
    serviceNodePortRange: flags.serviceNodePortRange,
    tls: serving === undefined ? undefined : { ...serving, ca: serving.cert },
    clientCA,
    serviceAccountKey: signingKey,
    serviceAccountIssuer: flags.serviceAccountIssuer,
    apiAudiences: flags.apiAudiences === undefined ? undefined : list(flags.apiAudiences),
    tokenAuthFile: flags.tokenAuthFile,
    anonymousAuth: flags.anonymousAuth !== "false",
    kubeletClient: kubelet === undefined ? undefined : { ...kubelet, ca: kubeletCA ?? "" },
    authorizationModes: list(flags.authorizationMode),
    disableAdmissionPlugins: list(flags.disableAdmissionPlugins ?? ""),
    eventTtlSeconds: flags.eventTtl,
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return given as unknown as Omit<ApiServerOptions, "store">;
}

async function readPair(
  cert: string | undefined,
  key: string | undefined,
  certFlag: string,
  keyFlag: string,
): Promise<TlsPair | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new Error(`${certFlag} and ${keyFlag} belong together`);
  return { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
}

async function read(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : readFile(file, "utf8");
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("must be a whole number");
  return value;
}

function port(text: string): number {
  const value = integer(text);
  if (value > 65535) throw new InvalidArgumentError("must be a port number");
  return value;
}
