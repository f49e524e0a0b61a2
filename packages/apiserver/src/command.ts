import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { newLogger, shutdownRequested } from "@knots/machinery";
import type { LogLevel, Logger } from "@knots/machinery";
import { openLmdbStore, openMemoryStore } from "@knots/store";
import type { Store } from "@knots/store";
import { addAuditFlags, auditOptions } from "./audit/flags.ts";
import type { AuditFlags } from "./audit/flags.ts";
import type { ApiServerOptions, TlsPair } from "./options.ts";
import { readAdmissionConfig } from "./admission/plugins/config-file.ts";
import { checkGoawayChance, checkStrictTransportSecurity } from "./http/connection-filters.ts";
import { allowedOrigins } from "./http/cors.ts";
import { ApiServer } from "./server.ts";
import { ROOT } from "./watch-cache/cacher.ts";

interface Flags extends AuditFlags {
  readonly dataDir?: string;
  readonly store: string;
  readonly etcdServers?: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly etcdPrefix: string;
  readonly etcdCompactionInterval: number;
  readonly securePort: number;
  readonly bindAddress: string;
  readonly advertiseAddress?: string;
  readonly endpointReconcilerType: string;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly certSan?: string[];
  readonly clientCaFile?: string;
  readonly requestheaderClientCaFile?: string;
  readonly requestheaderAllowedNames?: string;
  readonly requestheaderUsernameHeaders?: string;
  readonly requestheaderUidHeaders?: string;
  readonly requestheaderGroupHeaders?: string;
  readonly requestheaderExtraHeadersPrefix?: string;
  readonly proxyClientCertFile?: string;
  readonly proxyClientKeyFile?: string;
  readonly tokenAuthFile?: string;
  readonly enableBootstrapTokenAuth: string | true;
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
  readonly enableAdmissionPlugins?: string;
  readonly disableAdmissionPlugins?: string;
  readonly admissionControlConfigFile?: string;
  readonly enableAggregatorRouting: string;
  readonly eventTtl: number;
  readonly enablePriorityAndFairness: string;
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
  readonly corsAllowedOrigins?: string;
  readonly goawayChance: number;
  readonly strictTransportSecurityDirectives?: string;
  readonly v: number;
}

/** `kube-apiserver` under upstream's flag names. */
export function command(): Command {
  return addAuditFlags(new Command("apiserver"))
    .alias("kube-apiserver")
    .description("the API server: alone with --data-dir and --secure-port it is complete")
    .option("--data-dir <dir>", "where the embedded store and generated certificates live")
    .option("--store <engine>", "lmdb (durable, in --data-dir) or memory", "lmdb")
    .option("--etcd-servers <list>", "comma-separated etcd servers (scheme://host:port), in place of --store")
    .option("--etcd-cafile <file>", "CA bundle of the etcd servers' certificates")
    .option("--etcd-certfile <file>", "client certificate towards etcd")
    .option("--etcd-keyfile <file>", "key of that certificate")
    .option("--etcd-prefix <prefix>", "the path under which all keys lie in etcd", "/registry")
    .option(
      "--etcd-compaction-interval <duration>",
      "how often the store's history is given up; 0 leaves it",
      duration,
      300_000,
    )
    .option("--secure-port <port>", "HTTPS port; 0 takes any free one", port, 6443)
    .option("--bind-address <ip>", "address to listen on", "0.0.0.0")
    .option("--advertise-address <ip>", "address under which members of the cluster reach this server")
    .option(
      "--endpoint-reconciler-type <type>",
      "who writes the endpoints of default/kubernetes: lease or none",
      "lease",
    )
    .option("--tls-cert-file <file>", "serving certificate (PEM); made when absent")
    .option("--tls-private-key-file <file>", "key of the serving certificate")
    .option("--cert-san <name...>", "further names and addresses of a generated serving certificate")
    .option("--client-ca-file <file>", "CA bundle of client certificates; the own CA when absent")
    .option("--requestheader-client-ca-file <file>", "CA bundle of front proxies' certificates; made when absent")
    .option("--requestheader-allowed-names <list>", "common names of front proxies; empty: any of that CA")
    .option("--requestheader-username-headers <list>", "headers that a front proxy names the user in")
    .option("--requestheader-uid-headers <list>", "headers that a front proxy gives the user's UID in")
    .option("--requestheader-group-headers <list>", "headers that a front proxy lists the user's groups in")
    .option("--requestheader-extra-headers-prefix <list>", "prefixes of headers with further facts of the user")
    .option("--proxy-client-cert-file <file>", "client certificate towards extension servers; made when absent")
    .option("--proxy-client-key-file <file>", "key of that certificate")
    .option("--token-auth-file <file>", 'static tokens: token,user,uid,"group1,group2" a line')
    .option(
      "--enable-bootstrap-token-auth [bool]",
      "Secrets of type bootstrap.kubernetes.io/token in kube-system are credentials",
      "false",
    )
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
    .option("--enable-admission-plugins <list>", "comma-separated names of admission plug-ins beside the default ones")
    .option("--disable-admission-plugins <list>", "comma-separated names of admission plug-ins to leave out")
    .option("--admission-control-config-file <file>", "AdmissionConfiguration: what plug-ins (PodSecurity) are to know")
    .option(
      "--enable-aggregator-routing <bool>",
      "reach webhooks and extension servers at their endpoints' addresses, not at cluster IPs",
      "false",
    )
    .option("--event-ttl <seconds>", "how long events are kept", integer, 3600)
    .option("--enable-priority-and-fairness <bool>", "share the server's concurrency by FlowSchemas", "true")
    .option(
      "--max-requests-inflight <number>",
      "non-mutating requests at a time; part of what levels share",
      integer,
      400,
    )
    .option("--max-mutating-requests-inflight <number>", "mutating requests at a time; the other part", integer, 200)
    .option(
      "--cors-allowed-origins <list>",
      "comma-separated regular expressions of origins for which browsers may call",
    )
    .option(
      "--goaway-chance <chance>",
      "of a request, that its HTTP/2 connection takes no further ones (to 0.02)",
      Number,
      0,
    )
    .option("--strict-transport-security-directives <list>", "of the header with which browsers are told to use HTTPS")
    .option("-v, --v <level>", "log level, upstream's numbers", integer, 2)
    .action(async (flags: Flags, command: Command) => {
      await run(flags, flagTexts(command));
    });
}

/** Every flag with its value, or what holds without it, as /flagz tells them. */
function flagTexts(command: Command): Record<string, string> {
  return Object.fromEntries(
    command.options.map((option) => [option.name(), flagText(command.getOptionValue(option.attributeName()))]),
  );
}

function flagText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return Array.isArray(value) ? `[${value.join(",")}]` : String(value as string | number | boolean);
}

async function run(flags: Flags, texts: Readonly<Record<string, string>>): Promise<void> {
  let verbosity = flags.v;
  const level = (): LogLevel => (verbosity >= 6 ? "trace" : verbosity >= 4 ? "debug" : "info");
  const logger = newLogger({ name: "kube-apiserver", level });
  const setVerbosity = (given: number): void => {
    verbosity = given;
  };
  // First what can be wrong with the flags: an open store would keep the process.
  const options = await readOptions(flags);
  const store = await openStore(flags, logger);
  const server = new ApiServer({ ...options, flags: texts, setVerbosity, store, logger });
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

async function openStore(flags: Flags, logger: Logger): Promise<Store> {
  if (flags.etcdServers !== undefined) return openEtcd(flags, list(flags.etcdServers), logger);
  if (flags.store === "memory") return openMemoryStore();
  if (flags.store !== "lmdb") throw new Error(`--store must be lmdb or memory, not ${JSON.stringify(flags.store)}`);
  if (flags.dataDir === undefined)
    throw new Error("--data-dir says where the store lives; use --store memory to keep nothing");
  const dir = join(flags.dataDir, "store");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return openLmdbStore({ dir });
}

async function openEtcd(flags: Flags, endpoints: readonly string[], logger: Logger): Promise<Store> {
  // Only who uses etcd loads gRPC.
  const { openEtcdStore } = await import("@knots/store/etcd/etcd-store");
  const client = await readPair(flags.etcdCertfile, flags.etcdKeyfile, "--etcd-certfile", "--etcd-keyfile");
  const ca = await read(flags.etcdCafile);
  const tls = { ...client, ...(ca === undefined ? {} : { ca }) };
  const prefix = flags.etcdPrefix.replace(/^\/*/, "/").replace(/\/*$/, "/");
  return openEtcdStore({
    endpoints,
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    prefix: { own: ROOT, stored: prefix },
    logger,
  });
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
  const proxyClient = await readPair(
    flags.proxyClientCertFile,
    flags.proxyClientKeyFile,
    "--proxy-client-cert-file",
    "--proxy-client-key-file",
  );
  const clientCA = await read(flags.clientCaFile);
  const kubeletCA = await read(flags.kubeletCertificateAuthority);
  const signingKey = await read(flags.serviceAccountSigningKeyFile);
  const options: Record<
    keyof Omit<ApiServerOptions, "store" | "clock" | "logger" | "flags" | "setVerbosity">,
    unknown
  > = {
    dataDir: flags.dataDir,
    securePort: flags.securePort,
    bindAddress: flags.bindAddress,
    advertiseAddress: flags.advertiseAddress,
    endpointReconcilerType: reconcilerType(flags.endpointReconcilerType),
    certSANs: flags.certSan,
    serviceClusterIPRange: flags.serviceClusterIpRange,
    serviceNodePortRange: flags.serviceNodePortRange,
    tls: serving === undefined ? undefined : { ...serving, ca: serving.cert },
    clientCA,
    requestHeaderClientCA: await read(flags.requestheaderClientCaFile),
    requestHeader: requestHeader(flags),
    proxyClient,
    serviceAccountKey: signingKey,
    serviceAccountIssuer: flags.serviceAccountIssuer,
    apiAudiences: flags.apiAudiences === undefined ? undefined : list(flags.apiAudiences),
    tokenAuthFile: flags.tokenAuthFile,
    bootstrapTokenAuth: flags.enableBootstrapTokenAuth === true || flags.enableBootstrapTokenAuth === "true",
    anonymousAuth: flags.anonymousAuth !== "false",
    kubeletClient: kubelet === undefined ? undefined : { ...kubelet, ca: kubeletCA ?? "" },
    authorizationModes: list(flags.authorizationMode),
    enableAdmissionPlugins: list(flags.enableAdmissionPlugins ?? ""),
    admissionConfig:
      flags.admissionControlConfigFile === undefined
        ? undefined
        : await readAdmissionConfig(flags.admissionControlConfigFile),
    disableAdmissionPlugins: list(flags.disableAdmissionPlugins ?? ""),
    enableAggregatorRouting: flags.enableAggregatorRouting === "true",
    eventTtlSeconds: flags.eventTtl,
    compactionIntervalMs: flags.etcdCompactionInterval,
    audit: auditOptions(flags),
    priorityAndFairness: flags.enablePriorityAndFairness !== "false",
    maxRequestsInFlight: flags.maxRequestsInflight,
    maxMutatingRequestsInFlight: flags.maxMutatingRequestsInflight,
    connections: {
      goawayChance: checkGoawayChance(flags.goawayChance),
      strictTransportSecurity: checkStrictTransportSecurity(list(flags.strictTransportSecurityDirectives ?? "")),
    },
    corsAllowedOrigins: allowedOrigins(list(flags.corsAllowedOrigins ?? "")),
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return given as unknown as Omit<ApiServerOptions, "store">;
}

function reconcilerType(text: string): "lease" | "none" {
  if (text === "lease" || text === "none") return text;
  throw new Error(`--endpoint-reconciler-type must be lease or none, not ${JSON.stringify(text)}`);
}

/** What was said of front proxies; what was not keeps its default. */
function requestHeader(flags: Flags): ApiServerOptions["requestHeader"] {
  const given = {
    allowedNames: flags.requestheaderAllowedNames,
    usernameHeaders: flags.requestheaderUsernameHeaders,
    uidHeaders: flags.requestheaderUidHeaders,
    groupHeaders: flags.requestheaderGroupHeaders,
    extraHeaderPrefixes: flags.requestheaderExtraHeadersPrefix,
  };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, text]) => (text === undefined ? [] : [[name, list(text)]])),
  );
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

/** Go's durations, as upstream's flags take them: "5m0s"; milliseconds. */
function duration(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smh])/g)];
  if (text === "0") return 0;
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text)
    throw new InvalidArgumentError("must be a duration like 5m0s");
  return parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (units[unit] ?? 0), 0);
}

function port(text: string): number {
  const value = integer(text);
  if (value > 65535) throw new InvalidArgumentError("must be a port number");
  return value;
}
