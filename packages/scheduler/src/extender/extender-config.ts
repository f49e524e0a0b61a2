// `extenders` of a KubeSchedulerConfiguration.
import { parseDuration } from "@knots/machinery";
import type { ExtenderConfig, ExtenderTls } from "./http-extender.ts";

/** An extender as in the file. */
export interface ExtenderEntry {
  readonly urlPrefix?: string;
  readonly filterVerb?: string;
  readonly preemptVerb?: string;
  readonly prioritizeVerb?: string;
  readonly bindVerb?: string;
  readonly weight?: number;
  readonly enableHTTPS?: boolean;
  readonly httpTimeout?: string;
  readonly nodeCacheCapable?: boolean;
  readonly ignorable?: boolean;
  readonly managedResources?: readonly { readonly name: string; readonly ignoredByScheduler?: boolean }[];
  readonly tlsConfig?: Omit<ExtenderTls, "certData" | "keyData" | "caData"> & {
    /** Base64, as all bytes in such files. */
    readonly certData?: string;
    readonly keyData?: string;
    readonly caData?: string;
  };
}

export interface Extenders {
  readonly extenders: readonly ExtenderConfig[];
  /** Resources that only extenders look after. */
  readonly ignoredResources: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 5000;

/** Throws on what upstream refuses. */
export function readExtenders(entries: readonly ExtenderEntry[]): Extenders {
  const extenders = entries.map((entry, i) => readOne(entry, `extenders[${i}]`));
  if (extenders.filter(({ bindVerb }) => bindVerb !== undefined).length > 1)
    throw new Error("extenders: only one extender can implement bind");
  const resources = entries.flatMap(({ managedResources = [] }) => managedResources);
  const names = resources.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`extenders: duplicate extender managed resource name ${twice}`);
  return {
    extenders,
    ignoredResources: resources.filter(({ ignoredByScheduler }) => ignoredByScheduler).map(({ name }) => name),
  };
}

function readOne(entry: ExtenderEntry, field: string): ExtenderConfig {
  const { urlPrefix, weight = 0, tlsConfig, httpTimeout } = entry;
  if (urlPrefix === undefined || !URL.canParse(urlPrefix)) throw new Error(`${field}.urlPrefix: must be a URL`);
  if (entry.prioritizeVerb && weight <= 0)
    throw new Error(`${field}.weight: must have a positive weight applied to it where prioritizeVerb is set`);
  return {
    // "https" is said by a field of its own; a URL may still say http.
    urlPrefix: entry.enableHTTPS === true ? urlPrefix.replace(/^http:/, "https:") : urlPrefix,
    ...verbs(entry),
    weight,
    httpTimeoutMs: httpTimeout === undefined ? DEFAULT_TIMEOUT_MS : parseDuration(httpTimeout),
    nodeCacheCapable: entry.nodeCacheCapable === true,
    ignorable: entry.ignorable === true,
    managedResources: (entry.managedResources ?? []).map(({ name }) => name),
    ...(tlsConfig === undefined ? {} : { tls: { ...tlsConfig, ...decoded(tlsConfig) } }),
  };
}

function verbs(
  entry: ExtenderEntry,
): Pick<ExtenderConfig, "filterVerb" | "preemptVerb" | "prioritizeVerb" | "bindVerb"> {
  const { filterVerb, preemptVerb, prioritizeVerb, bindVerb } = entry;
  return {
    ...(filterVerb ? { filterVerb } : {}),
    ...(preemptVerb ? { preemptVerb } : {}),
    ...(prioritizeVerb ? { prioritizeVerb } : {}),
    ...(bindVerb ? { bindVerb } : {}),
  };
}

function decoded(tls: NonNullable<ExtenderEntry["tlsConfig"]>): Pick<ExtenderTls, "certData" | "keyData" | "caData"> {
  const text = (data: string): string => Buffer.from(data, "base64").toString();
  return {
    ...(tls.certData === undefined ? {} : { certData: text(tls.certData) }),
    ...(tls.keyData === undefined ? {} : { keyData: text(tls.keyData) }),
    ...(tls.caData === undefined ? {} : { caData: text(tls.caData) }),
  };
}
