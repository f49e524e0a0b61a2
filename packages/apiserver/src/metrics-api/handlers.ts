// metrics.k8s.io: what nodes and pods use at present, read from the kubelets while somebody asks.
import { nodes, pods } from "@knots/api/core/v1";
import type { Node, Pod } from "@knots/api/core/v1";
import type { NodeMetrics, PodMetrics } from "@knots/api/metrics/v1beta1";
import { newBadRequest, newNotFound, parseFieldSelector, parseSelector } from "@knots/machinery";
import { methodNotAllowed } from "../http/method-not-allowed.ts";
import type { KubeObject } from "@knots/machinery";
import type { SpecialHandler } from "../http/handlers/resource-router.ts";
import { pageNotFound } from "../http/page-not-found.ts";
import { negotiate } from "../http/negotiate.ts";
import { partialMetadata } from "../http/partial.ts";
import { sendObject } from "../http/respond.ts";
import type { RequestContext } from "../http/types.ts";
import type { SecurityDependencies } from "../security.ts";
import { API_VERSION, metricsTable, nodeMetricsOf, podMetricsOf } from "./documents.ts";
import { MetricsStore } from "./metrics-store.ts";
import { readKubelet } from "./read-kubelet.ts";
import { Scraper } from "./scraper.ts";

const GROUP = "metrics.k8s.io";

interface Kind {
  readonly resource: "nodes" | "pods";
  readonly kind: "NodeMetrics" | "PodMetrics";
  readonly namespaced: boolean;
  /** Everything that is measured in a namespace ("": in all), by name. */
  items(namespace: string): Iterable<NodeMetrics | PodMetrics>;
  one(namespace: string, name: string): NodeMetrics | PodMetrics | undefined;
}

export interface MetricsApi extends Disposable {
  readonly special: ReadonlyMap<string, SpecialHandler>;
}

export function createMetricsApi(deps: SecurityDependencies): MetricsApi {
  const { clock, logger, registry } = deps;
  const store = new MetricsStore();
  const scraper = new Scraper({
    store,
    clock,
    logger,
    nodes: () => registry.list<Node>(nodes).map(({ metadata }) => metadata?.name ?? ""),
    read: (node) => readKubelet(deps, node),
  });
  const nodeOf = (node: Node | undefined): NodeMetrics | undefined => {
    const measured = store.node(node?.metadata?.name ?? "");
    return node === undefined || measured === undefined ? undefined : nodeMetricsOf(node, measured, clock.now());
  };
  const podOf = (pod: Pod | undefined): PodMetrics | undefined => {
    const measured = store.pod(pod?.metadata?.namespace ?? "", pod?.metadata?.name ?? "");
    return pod === undefined || measured === undefined ? undefined : podMetricsOf(pod, measured, clock.now());
  };
  const kinds: Kind[] = [
    {
      resource: "nodes",
      namespaced: false,
      kind: "NodeMetrics",
      items: () => registry.list<Node>(nodes).flatMap((node) => nodeOf(node) ?? []),
      one: (_, name) => nodeOf(registry.get<Node>(nodes, undefined, name)),
    },
    {
      resource: "pods",
      namespaced: true,
      kind: "PodMetrics",
      items: (namespace) =>
        registry.list<Pod>(pods, namespace === "" ? undefined : namespace).flatMap((pod) => podOf(pod) ?? []),
      one: (namespace, name) => podOf(registry.get<Pod>(pods, namespace, name)),
    },
  ];
  const handle = async (ctx: RequestContext, kind: Kind): Promise<void> => {
    const { apiVersion, verb, subresource, inNamespace } = ctx.info;
    if (`${GROUP}/${apiVersion}` !== API_VERSION || subresource !== "") throw pageNotFound();
    // What is allowed in a namespace says nothing of nodes.
    if (kind.namespaced ? verb === "get" && !inNamespace : inNamespace) throw pageNotFound();
    if (ctx.request.method !== "GET") throw methodNotAllowed();
    await scraper.wanted();
    answer(deps, ctx, kind);
  };
  return {
    special: new Map(kinds.map((kind) => [`${kind.resource}.${GROUP}`, (ctx) => handle(ctx, kind)])),
    [Symbol.dispose]: () => scraper[Symbol.dispose](),
  };
}

function answer(deps: SecurityDependencies, ctx: RequestContext, kind: Kind): void {
  const { info, request, response } = ctx;
  const { codec, as, metaVersion } = negotiate(request.headers.accept, deps.handlers.codecs, { transforms: true });
  const single = info.verb === "get";
  const items = single
    ? [found(kind, info.namespace, info.name)]
    : [...kind.items(info.namespace)].filter(selected(info.query));
  let body: object;
  if (as === "table") body = metricsTable(items, metaVersion);
  else {
    const objects = as === "partial" ? items.map((item) => partialMetadata(item as KubeObject, metaVersion)) : items;
    const partial = as === "partial";
    body = single
      ? (objects[0] ?? {})
      : {
          kind: partial ? "PartialObjectMetadataList" : `${kind.kind}List`,
          apiVersion: partial ? `meta.k8s.io/${metaVersion}` : API_VERSION,
          metadata: {},
          items: objects,
        };
  }
  sendObject(request, response, 200, body, codec);
}

function found(kind: Kind, namespace: string, name: string): NodeMetrics | PodMetrics {
  const item = kind.one(namespace, name);
  if (item !== undefined) return item;
  // metrics-server's words.
  const what = namespace === "" ? name : `${namespace}/${name}`;
  throw newNotFound({ group: GROUP, resource: kind.kind.toLowerCase() }, what);
}

/** The label and field selector of a list. */
function selected(query: URLSearchParams): (item: NodeMetrics | PodMetrics) => boolean {
  try {
    const labels = parseSelector(query.get("labelSelector") ?? "");
    const fields = parseFieldSelector(query.get("fieldSelector") ?? "");
    return ({ metadata }) =>
      labels.matches(metadata?.labels) &&
      fields.matches({ "metadata.name": metadata?.name ?? "", "metadata.namespace": metadata?.namespace ?? "" });
  } catch (error) {
    throw newBadRequest((error as Error).message);
  }
}
