import { readFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { RequestOptions } from "node:https";
import type { Container, Node, Pod } from "@knots/api/core/v1";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Status } from "../framework/status.ts";

/** An extender of a KubeSchedulerConfiguration. */
export interface ExtenderConfig {
  readonly urlPrefix: string;
  readonly filterVerb?: string;
  readonly prioritizeVerb?: string;
  readonly bindVerb?: string;
  readonly weight: number;
  readonly httpTimeoutMs: number;
  /** It knows the nodes and is told their names alone. */
  readonly nodeCacheCapable: boolean;
  /** Without it the pod waits when the extender does not answer. */
  readonly ignorable: boolean;
  /** It is asked only about pods that want one of these; about all where there is none. */
  readonly managedResources: readonly string[];
  readonly tls?: ExtenderTls;
}

export interface ExtenderTls {
  readonly insecure?: boolean;
  readonly serverName?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  /** PEM. */
  readonly certData?: string;
  readonly keyData?: string;
  readonly caData?: string;
}

/** The wire's ExtenderFilterResult. */
interface FilterResult {
  readonly nodes?: { readonly items?: readonly Node[] | null } | null;
  readonly nodenames?: readonly string[] | null;
  readonly failedNodes?: Readonly<Record<string, string>> | null;
  readonly failedAndUnresolvableNodes?: Readonly<Record<string, string>> | null;
  readonly error?: string;
}

type HostPriorityList = readonly { readonly host: string; readonly score: number }[] | null;

/** Extenders score from 0 to this. */
export const MAX_EXTENDER_PRIORITY = 10;
/** In place of a plug-in's name: any event may make the extender change its mind. */
const ANY_EVENT = "*";

export interface Filtered {
  readonly nodes: readonly NodeInfo[];
  readonly rejected: ReadonlyMap<string, Status>;
}

/** A process of somebody else's that has a say in where pods go, asked over HTTP. */
export class HttpExtender {
  readonly config: ExtenderConfig;
  readonly #tls: RequestOptions;

  /** Reads the certificates' files; throws where one cannot be read. */
  constructor(config: ExtenderConfig) {
    this.config = config;
    this.#tls = tlsOptions(config.tls ?? {});
  }

  get name(): string {
    return this.config.urlPrefix;
  }

  isInterested({ pod }: PodInfo): boolean {
    const { managedResources } = this.config;
    if (managedResources.length === 0) return true;
    const containers: readonly Container[] = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
    return containers.some(({ resources }) =>
      managedResources.some(
        (name) => resources?.requests?.[name] !== undefined || resources?.limits?.[name] !== undefined,
      ),
    );
  }

  /** Those of the nodes that it lets the pod onto. Throws where it does not answer, or answers with an error. */
  async filter(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<Filtered> {
    const { filterVerb } = this.config;
    if (filterVerb === undefined) return { nodes, rejected: new Map() };
    const result = (await this.#post(filterVerb, this.#args(pod, nodes))) as FilterResult;
    if (result.error !== undefined && result.error !== "") throw new Error(result.error);
    const names = result.nodenames ?? result.nodes?.items?.map(({ metadata }) => metadata?.name ?? "");
    if (names === undefined) throw new Error(`extender ${this.name} answered neither nodes nor nodenames`);
    const left = new Set(names);
    const rejected = new Map<string, Status>();
    const reject = (failed: FilterResult["failedNodes"], code: Status["code"]): void => {
      for (const [node, reason] of Object.entries(failed ?? {}))
        rejected.set(node, { code, reasons: [reason], plugin: ANY_EVENT });
    };
    reject(result.failedNodes, "Unschedulable");
    reject(result.failedAndUnresolvableNodes, "UnschedulableAndUnresolvable");
    return { nodes: nodes.filter(({ name }) => left.has(name)), rejected };
  }

  /** Scores by node, weighted; nodes that it does not name get nothing. */
  async prioritize(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<ReadonlyMap<string, number>> {
    const { prioritizeVerb, weight } = this.config;
    if (prioritizeVerb === undefined) return new Map();
    const list = (await this.#post(prioritizeVerb, this.#args(pod, nodes))) as HostPriorityList;
    return new Map((list ?? []).map(({ host, score }) => [host, score * weight]));
  }

  get binds(): boolean {
    return this.config.bindVerb !== undefined;
  }

  /** Binds the pod in the scheduler's place. Throws where it could not. */
  async bind({ namespace, name, uid }: PodInfo, nodeName: string): Promise<void> {
    const args = { podName: name, podNamespace: namespace, podUID: uid, node: nodeName };
    const result = (await this.#post(this.config.bindVerb ?? "", args)) as { readonly error?: string } | null;
    if (result?.error !== undefined && result.error !== "") throw new Error(result.error);
  }

  #args({ pod }: { readonly pod: Pod }, nodes: readonly NodeInfo[]): object {
    if (this.config.nodeCacheCapable) return { pod, nodenames: nodes.map(({ name }) => name) };
    return { pod, nodes: { metadata: {}, items: nodes.map(({ node }) => node) } };
  }

  async #post(verb: string, body: object): Promise<unknown> {
    const { urlPrefix, httpTimeoutMs } = this.config;
    const url = new URL(`${urlPrefix.replace(/\/+$/, "")}/${verb}`);
    const text = JSON.stringify(body);
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    return await new Promise((resolve, reject) => {
      const request = send(
        url,
        {
          ...this.#tls,
          method: "POST",
          headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text) },
          signal: AbortSignal.timeout(httpTimeoutMs),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("error", reject);
          response.once("end", () => {
            const answer = Buffer.concat(chunks).toString();
            if (response.statusCode !== 200) {
              reject(new Error(`failed ${verb} with extender at URL ${url.href}, code ${response.statusCode}`));
              return;
            }
            try {
              resolve(JSON.parse(answer));
            } catch (error) {
              reject(new Error(`extender at URL ${url.href} answered no JSON`, { cause: error }));
            }
          });
        },
      );
      request.once("error", (error) =>
        reject(new Error(`extender at URL ${url.href}: ${error.message}`, { cause: error })),
      );
      request.end(text);
    });
  }
}

function tlsOptions(tls: ExtenderTls): RequestOptions {
  const read = (data: string | undefined, file: string | undefined): string | undefined =>
    data ?? (file === undefined ? undefined : readFileSync(file, "utf8"));
  const [cert, key, ca] = [
    read(tls.certData, tls.certFile),
    read(tls.keyData, tls.keyFile),
    read(tls.caData, tls.caFile),
  ];
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.insecure === true ? { rejectUnauthorized: false } : {}),
  };
}
