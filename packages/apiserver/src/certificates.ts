import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { issue, newCA, newServiceAccountKey } from "@knots/machinery/pki/index";
import type { TlsPair } from "./options.ts";

/** Everything a server needs to be trusted and to trust; PEM texts. */
export interface ServerCertificates {
  /** CA of the serving certificate. */
  readonly ca: string;
  /** Bundle against which client certificates are verified. */
  readonly clientCA: string;
  /** Bundle against which the certificates of front proxies are verified. */
  readonly requestHeaderCA: string;
  /** Identity towards extension servers; undefined when a foreign front-proxy CA came without one. */
  readonly proxyClient: TlsPair | undefined;
  readonly serving: TlsPair;
  /** Private key that signs service-account tokens. */
  readonly serviceAccountKey: string;
  /** Identity with which the server reaches kubelets: system:masters, as kubeadm makes it. */
  readonly kubeletClient: TlsPair;
  /** Identity of the server towards itself. */
  readonly loopback: TlsPair;
}

interface Authority {
  readonly certPem: string;
  readonly keyPem: string;
}

const DAYS = 365;

/** Where made files are kept: kubeadm's names below `pki/`. */
class Keeper {
  readonly #dir: string | undefined;

  constructor(dataDir: string | undefined) {
    this.#dir = dataDir === undefined ? undefined : join(dataDir, "pki");
  }

  /** The pair of files, made when they are not there. Without a directory it is made each time. */
  async pair(name: string, make: () => Promise<Authority>): Promise<Authority> {
    const kept = await this.#read(`${name}.crt`, `${name}.key`);
    if (kept !== undefined) return { certPem: kept[0], keyPem: kept[1] };
    const made = await make();
    await this.#write(`${name}.crt`, made.certPem, 0o644);
    await this.#write(`${name}.key`, made.keyPem, 0o600);
    return made;
  }

  async secret(name: string, make: () => Promise<string>): Promise<string> {
    const kept = await this.#read(name);
    if (kept?.[0] !== undefined) return kept[0];
    const made = await make();
    await this.#write(name, made, 0o600);
    return made;
  }

  async #read(...names: [string, string]): Promise<[string, string] | undefined>;
  async #read(...names: [string]): Promise<[string] | undefined>;
  async #read(...names: string[]): Promise<string[] | undefined> {
    const dir = this.#dir;
    if (dir === undefined) return undefined;
    try {
      return await Promise.all(names.map((name) => readFile(join(dir, name), "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Whole or not at all: a crash must not leave half a key. */
  async #write(name: string, text: string, mode: number): Promise<void> {
    if (this.#dir === undefined) return;
    await mkdir(this.#dir, { recursive: true, mode: 0o755 });
    const temporary = join(this.#dir, `.${name}.tmp`);
    await writeFile(temporary, text, { mode });
    await rename(temporary, join(this.#dir, name));
  }
}

/** Takes what is given and makes the rest. */
export async function ensureCertificates(options: {
  readonly dataDir: string | undefined;
  readonly tls: (TlsPair & { readonly ca: string }) | undefined;
  readonly clientCA: string | undefined;
  readonly requestHeaderClientCA: string | undefined;
  readonly proxyClient: TlsPair | undefined;
  readonly serviceAccountKey: string | undefined;
  readonly kubeletClient: TlsPair | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}): Promise<ServerCertificates> {
  const keeper = new Keeper(options.dataDir);
  const ca = keeper.pair("ca", () => newCA("kubernetes"));
  const identity = async (cn: string): Promise<Authority> =>
    issue({
      ca: await ca,
      cn,
      organizations: ["system:masters"],
      dnsNames: [],
      ipAddresses: [],
      usages: ["client"],
      days: DAYS,
    });
  // The names in a serving certificate depend on the options of this start: it is made anew.
  const serving = async (): Promise<Authority> =>
    issue({
      ca: await ca,
      cn: "kube-apiserver",
      organizations: [],
      dnsNames: [...options.dnsNames],
      ipAddresses: [...options.ipAddresses],
      usages: ["server"],
      days: DAYS,
    });
  // The service-account key takes longest, on a thread of its own: it comes first, the rest is made meanwhile.
  const [serviceAccountKey, { certPem }, frontProxy, servingPair, kubeletClient, loopback] = await Promise.all([
    options.serviceAccountKey ?? keeper.secret("sa.key", newServiceAccountKey),
    ca,
    frontProxyOf(keeper, options),
    options.tls ?? serving().then(toPair),
    options.kubeletClient ??
      keeper.pair("apiserver-kubelet-client", () => identity("kube-apiserver-kubelet-client")).then(toPair),
    identity("system:apiserver").then(toPair),
  ]);
  return {
    ...frontProxy,
    ca: options.tls?.ca ?? certPem,
    // The loopback identity is signed by the own CA, whatever other clients are signed by.
    clientCA: options.clientCA === undefined ? certPem : `${options.clientCA}\n${certPem}`,
    serving: servingPair,
    serviceAccountKey,
    kubeletClient,
    loopback,
  };
}

/** The front-proxy CA is another than that of clients: whoever has its certificates can speak for anybody. */
async function frontProxyOf(
  keeper: Keeper,
  given: { readonly requestHeaderClientCA: string | undefined; readonly proxyClient: TlsPair | undefined },
): Promise<Pick<ServerCertificates, "requestHeaderCA" | "proxyClient">> {
  if (given.requestHeaderClientCA !== undefined)
    return { requestHeaderCA: given.requestHeaderClientCA, proxyClient: given.proxyClient };
  const ca = await keeper.pair("front-proxy-ca", () => newCA("front-proxy-ca"));
  const make = (): Promise<Authority> =>
    issue({
      ca,
      cn: "front-proxy-client",
      organizations: [],
      dnsNames: [],
      ipAddresses: [],
      usages: ["client"],
      days: DAYS,
    });
  return {
    requestHeaderCA: ca.certPem,
    proxyClient: given.proxyClient ?? toPair(await keeper.pair("front-proxy-client", make)),
  };
}

function toPair({ certPem, keyPem }: Authority): TlsPair {
  return { cert: certPem, key: keyPem };
}
