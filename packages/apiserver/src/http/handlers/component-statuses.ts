// componentstatuses (deprecated since v1.19): asked afresh by each request, kept nowhere.
import type { ComponentStatus } from "@knots/api/core/v1";
import { StatusError, newBadRequest, parseFieldSelector, parseSelector } from "@knots/machinery";
import { methodNotAllowed } from "../method-not-allowed.ts";
import type { KubeObject } from "@knots/machinery";
import type { OutboundClient } from "../../outbound/index.ts";
import { componentStatusTable } from "../../tables/core.ts";
import { tableOf } from "../../tables/table.ts";
import { negotiate } from "../negotiate.ts";
import { partialMetadata } from "../partial.ts";
import { sendObject } from "../respond.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import type { SpecialHandler } from "./resource-router.ts";

/** A part of the control plane, and whether it is well. */
export interface Component {
  readonly name: string;
  check(): Promise<{ readonly healthy: boolean; readonly message: string }>;
}

/** Upstream's ports on the server's own machine; their certificates are not checked. */
const HEALTH_PORTS: readonly (readonly [string, number])[] = [
  ["controller-manager", 10257],
  ["scheduler", 10259],
];
const TIMEOUT_MS = 5_000;

export function controlPlaneComponents(client: OutboundClient, storeFailure: () => string | undefined): Component[] {
  return [
    ...HEALTH_PORTS.map(([name, port]) => remoteComponent(client, name, port)),
    {
      name: "etcd-0",
      check() {
        const failure = storeFailure();
        return Promise.resolve({ healthy: failure === undefined, message: failure ?? "ok" });
      },
    },
  ];
}

function remoteComponent(client: OutboundClient, name: string, port: number): Component {
  const remote = {
    origin: `https://127.0.0.1:${port}`,
    serverName: "",
    ca: undefined,
    insecure: true,
    address: () => ({ host: "127.0.0.1", port }),
  };
  return {
    name,
    async check() {
      try {
        const answer = await client.send(remote, { method: "GET", path: "/healthz", timeoutMs: TIMEOUT_MS });
        const text = answer.body.toString("utf8");
        if (answer.status === 200) return { healthy: true, message: text };
        return { healthy: false, message: `HTTP probe failed with statuscode: ${answer.status}` };
      } catch (error) {
        return { healthy: false, message: (error as Error).message };
      }
    },
  };
}

async function statusOf(component: Component): Promise<ComponentStatus> {
  const { name } = component;
  const { healthy, message } = await component.check();
  return {
    kind: "ComponentStatus",
    apiVersion: "v1",
    metadata: { name },
    conditions: [{ type: "Healthy", status: healthy ? "True" : "False", message }],
  };
}

export function componentStatusHandler(deps: HandlerDependencies, components: readonly Component[]): SpecialHandler {
  return async (ctx) => {
    const { verb, name } = ctx.info;
    if (verb !== "get" && verb !== "list") throw methodNotAllowed();
    ctx.warn("v1 ComponentStatus is deprecated in v1.19+");
    if (verb === "get") {
      const component = components.find((each) => each.name === name);
      if (component === undefined) throw componentNotFound(name);
      const status = await statusOf(component);
      send(deps, ctx, status, [status]);
      return;
    }
    const selects = selection(ctx.info.query);
    const items = (await Promise.all(components.map(statusOf))).filter(selects);
    send(deps, ctx, { kind: "ComponentStatusList", apiVersion: "v1", metadata: {}, items }, items);
  };
}

function selection(query: URLSearchParams): (object: KubeObject) => boolean {
  try {
    const labels = parseSelector(query.get("labelSelector") ?? "");
    const fields = parseFieldSelector(query.get("fieldSelector") ?? "");
    const unknown = fields.requirements.find(({ field }) => field !== "metadata.name");
    if (unknown !== undefined) throw newBadRequest(`field label not supported: ${unknown.field}`);
    return ({ metadata }) =>
      labels.matches(metadata?.labels ?? {}) && fields.matches({ "metadata.name": metadata?.name ?? "" });
  } catch (error) {
    if (error instanceof SyntaxError) throw newBadRequest(error.message);
    throw error;
  }
}

function send(deps: HandlerDependencies, ctx: RequestContext, object: object, items: readonly ComponentStatus[]): void {
  const { codec, as, metaVersion } = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true });
  const [first] = items;
  let answer = object;
  if (as === "table") answer = tableOf(componentStatusTable, items, { ...deps.tableOptions(ctx), metaVersion });
  else if (as === "partial") {
    const partial = items.map((each) => partialMetadata(each, metaVersion));
    const apiVersion = `meta.k8s.io/${metaVersion}`;
    answer =
      ctx.info.verb === "get" && first !== undefined
        ? partialMetadata(first, metaVersion)
        : { kind: "PartialObjectMetadataList", apiVersion, metadata: {}, items: partial };
  }
  sendObject(ctx.request, ctx.response, 200, answer, codec);
}

/** Upstream answers this with its words alone, and 500. */
function componentNotFound(name: string): StatusError {
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `Component not found: ${name}`,
    code: 500,
  });
}
