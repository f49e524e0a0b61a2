import type { AdmissionConfig } from "./admission/plugins/config-file.ts";
import type { AuditOptions } from "./audit/options.ts";
import type { Clock, Logger } from "@knots/machinery";
import type { ConnectionOptions } from "./http/connection-filters.ts";
import type { RequestHeaderOptions } from "./auth/request-header.ts";
import type { Store } from "@knots/store";

export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** What an ApiServer is made with. PEM values are texts, not paths. */
export interface ApiServerOptions {
  readonly store: Store;
  /** Certificates and keys that are not given are made, and kept, in `pki/` below; without it they live in memory. */
  readonly dataDir?: string;
  /** 0: any free port. */
  readonly securePort: number;
  readonly bindAddress?: string;
  /** Address under which members of the cluster reach this server. */
  readonly advertiseAddress?: string;
  /** "lease" unless given: default/kubernetes lists every server of the store. "none": nobody writes its endpoints. */
  readonly endpointReconcilerType?: "lease" | "none";
  /** Further names and addresses of the serving certificate. */
  readonly certSANs?: readonly string[];
  readonly serviceClusterIPRange?: string;
  readonly serviceNodePortRange?: string;
  readonly tls?: TlsPair & { readonly ca: string };
  /** CA bundle of client certificates, in place of the own CA. */
  readonly clientCA?: string;
  /** CA bundle of the proxies that may say for whom they speak; an own one is made when absent. */
  readonly requestHeaderClientCA?: string;
  /** Headers and names of such proxies; kubeadm's when absent. */
  readonly requestHeader?: Partial<Omit<RequestHeaderOptions, "clientCA">>;
  /** Client identity towards extension servers. */
  readonly proxyClient?: TlsPair;
  readonly serviceAccountKey?: string;
  readonly serviceAccountIssuer?: string;
  readonly apiAudiences?: readonly string[];
  /** Path of upstream's static token file. */
  readonly tokenAuthFile?: string;
  /** Whether Secrets of type bootstrap.kubernetes.io/token in kube-system are credentials; false by default. */
  readonly bootstrapTokenAuth?: boolean;
  readonly anonymousAuth?: boolean;
  /** Client identity towards kubelets. */
  readonly kubeletClient?: TlsPair & { readonly ca: string };
  /** Node, RBAC, AlwaysAllow, AlwaysDeny. */
  readonly authorizationModes?: readonly string[];
  /** Admission plug-ins beside those that are on by default. */
  readonly enableAdmissionPlugins?: readonly string[];
  readonly disableAdmissionPlugins?: readonly string[];
  /** What --admission-control-config-file says. */
  readonly admissionConfig?: AdmissionConfig;
  /** Services that this server calls are reached at their endpoints, not at their cluster IPs. */
  readonly enableAggregatorRouting?: boolean;
  readonly eventTtlSeconds?: number;
  /** How often history is given up; 0: never. */
  readonly compactionIntervalMs?: number;
  /** Absent: nothing is recorded. */
  readonly audit?: AuditOptions;
  /** Default true. False: only the two limits below hold. */
  readonly priorityAndFairness?: boolean;
  /** 400 when absent; with priority and fairness the sum of the two is what levels share. */
  readonly maxRequestsInFlight?: number;
  /** 200 when absent. */
  readonly maxMutatingRequestsInFlight?: number;
  /** What is done to answers for their connection's sake. */
  readonly connections?: ConnectionOptions;
  /** Regular expressions of the origins whose pages may call this server from a browser. */
  readonly corsAllowedOrigins?: readonly string[];
  /** The flags that the server was started with, by name without dashes, for /flagz; absent: there is no such page. */
  readonly flags?: Readonly<Record<string, string>>;
  /** What PUT /debug/flags/v does; absent: there is no such path. */
  readonly setVerbosity?: (verbosity: number) => void;
  readonly clock?: Clock;
  readonly logger?: Logger;
}
