import { readFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { RequestOptions } from "node:https";
import type { Container, Pod } from "@knots/api/core/v1";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Status } from "../framework/status.ts";
import { entries, field, list, text } from "./wire.ts";
import type { ExtenderArgs, ExtenderBindingArgs, ExtenderPreemptionArgs } from "./wire.ts";

/** An extender of a KubeSchedulerConfiguration. */
export interface ExtenderConfig {
  readonly urlPrefix: string;
  readonly filterVerb?: string;
  readonly preemptVerb?: string;
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
    const answer = await this.#post(filterVerb, this.#args(pod, nodes));
    throwError(answer);
    const names =
      list(field(answer, "NodeNames")) ??
      list(field(field(answer, "Nodes"), "items"))?.map((node) => field(field(node, "metadata"), "name"));
    const left = new Set((names ?? []).map(text));
    const known = new Set(nodes.map(({ name }) => name));
    for (const name of left)
      if (!known.has(name))
        throw new Error(
          `extender ${JSON.stringify(this.name)} claims a filtered node ${JSON.stringify(name)} which is not found in the input node list`,
        );
    const rejected = new Map<string, Status>();
    const reject = (failed: unknown, code: Status["code"]): void => {
      for (const [node, reason] of entries(failed))
        rejected.set(node, { code, reasons: [text(reason)], plugin: ANY_EVENT });
    };
    reject(field(answer, "FailedNodes"), "Unschedulable");
    reject(field(answer, "FailedAndUnresolvableNodes"), "UnschedulableAndUnresolvable");
    return { nodes: nodes.filter(({ name }) => left.has(name)), rejected };
  }

  /** Scores by node, weighted; nodes that it does not name get nothing. */
  async prioritize(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<ReadonlyMap<string, number>> {
    const { prioritizeVerb, weight } = this.config;
    if (prioritizeVerb === undefined) return new Map();
    const scores = list(await this.#post(prioritizeVerb, this.#args(pod, nodes))) ?? [];
    return new Map(scores.map((each) => [text(field(each, "Host")), Number(field(each, "Score") ?? 0) * weight]));
  }

  get preempts(): boolean {
    return this.config.preemptVerb !== undefined;
  }

  /**
   * Who would have to go by its own rules: the victims' uids by node, of the nodes that it would have the pod on. Throws
   * where it does not answer.
   */
  async preempt(
    pod: PodInfo,
    candidates: readonly { nodeName: string; victims: readonly PodInfo[]; budgetViolations: number }[],
  ): Promise<ReadonlyMap<string, { readonly uids: readonly string[]; readonly budgetViolations: number }>> {
    const byNode = <T>(of: (victim: PodInfo) => T) =>
      Object.fromEntries(
        candidates.map(({ nodeName, victims, budgetViolations }) => [
          nodeName,
          { Pods: victims.map(of), NumPDBViolations: budgetViolations },
        ]),
      );
    const { nodeCacheCapable, preemptVerb = "" } = this.config;
    const args: ExtenderPreemptionArgs = {
      Pod: pod.pod,
      NodeNameToVictims: nodeCacheCapable ? null : byNode((victim) => victim.pod),
      NodeNameToMetaVictims: nodeCacheCapable ? byNode(({ uid }) => ({ UID: uid })) : null,
    };
    const answer = await this.#post(preemptVerb, args);
    return new Map(
      entries(field(answer, "NodeNameToMetaVictims")).map(([node, victims]) => [
        node,
        {
          uids: (list(field(victims, "Pods")) ?? []).map((each) => text(field(each, "UID"))),
          budgetViolations: Number(field(victims, "NumPDBViolations") ?? 0),
        },
      ]),
    );
  }

  get binds(): boolean {
    return this.config.bindVerb !== undefined;
  }

  /** Binds the pod in the scheduler's place. Throws where it could not. */
  async bind({ namespace, name, uid }: PodInfo, nodeName: string): Promise<void> {
    const args: ExtenderBindingArgs = { PodName: name, PodNamespace: namespace, PodUID: uid, Node: nodeName };
    throwError(await this.#post(this.config.bindVerb ?? "", args));
  }

  #args({ pod }: { readonly pod: Pod }, nodes: readonly NodeInfo[]): ExtenderArgs {
    if (this.config.nodeCacheCapable) return { Pod: pod, Nodes: null, NodeNames: nodes.map(({ name }) => name) };
    const items = nodes.flatMap(({ node }) => node ?? []);
    return { Pod: pod, Nodes: { metadata: {}, items }, NodeNames: null };
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

/** What an extender says went wrong. */
function throwError(answer: unknown): void {
  const error = text(field(answer, "Error"));
  if (error !== "") throw new Error(error);
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
