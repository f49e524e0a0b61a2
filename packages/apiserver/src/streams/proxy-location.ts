// [scheme:]name[:port] of a pod, service or node: where its proxy subresource leads.
import { BlockList, isIPv6 } from "node:net";
import { posix } from "node:path";
import type { Endpoints, Pod, Service } from "@knots/api/core/v1";
import { endpoints, pods, services } from "@knots/api/core/v1";
import { newBadRequest, newNotFound, newServiceUnavailable } from "@knots/machinery";
import type { RequestContext } from "../http/types.ts";
import { canonicalPath, pathOf, queryOf } from "../http/url-path.ts";
import type { SecurityDependencies } from "../security.ts";
import type { Target } from "./dial.ts";
import { getNode, kubeletPort, kubeletTarget, nodeAddress } from "./kubelet.ts";

export interface ProxyLocation {
  readonly target: Target;
  /** Path below the target, without dots, encoded as Go does; "" when the client wrote no slash after "proxy". */
  readonly path: string;
  /** The part of the request's path before `path`. */
  readonly prefix: string;
}

export interface SchemeNamePort {
  readonly scheme: "http" | "https";
  readonly name: string;
  readonly port: string;
}

/** Upstream's SplitSchemeNamePort: "name", "name:port", "scheme:name:port"; undefined when it is none of them. */
export function splitSchemeNamePort(id: string): SchemeNamePort | undefined {
  const parts = id.split(":");
  const [first = "", second = "", third = ""] = parts;
  const split =
    parts.length === 1
      ? { scheme: "http", name: first, port: "" }
      : parts.length === 2
        ? { scheme: "http", name: first, port: second }
        : { scheme: first === "" ? "http" : first, name: second, port: third };
  if (parts.length > 3 || split.name === "") return undefined;
  if (parts.length === 2 && split.port === "") return undefined;
  if (split.scheme !== "http" && split.scheme !== "https") return undefined;
  return split as SchemeNamePort;
}

/** Addresses that a proxied request must not reach: this machine's own and link-local ones. */
const BARRED = new BlockList();
BARRED.addSubnet("127.0.0.0", 8);
BARRED.addSubnet("169.254.0.0", 16);
BARRED.addSubnet("224.0.0.0", 24);
BARRED.addAddress("0.0.0.0");
BARRED.addAddress("::1", "ipv6");
BARRED.addAddress("::", "ipv6");
BARRED.addSubnet("fe80::", 10, "ipv6");
BARRED.addSubnet("ff02::", 16, "ipv6");

function checkProxyable(address: string): void {
  if (address === "" || BARRED.check(address, isIPv6(address) ? "ipv6" : "ipv4"))
    throw newBadRequest("address not allowed");
}

/** Throws what upstream says of objects that are not there or not ready. */
export function locate(deps: SecurityDependencies, ctx: RequestContext): ProxyLocation {
  const { resource, name: id, namespace } = ctx.info;
  const url = ctx.request.url ?? "";
  const whole = canonicalPath(pathOf(url));
  const mark = /^(?:.*?)\/(?:pods|services|nodes)\/[^/]+\/proxy/.exec(whole);
  const prefix = mark?.[0] ?? whole;
  const below = whole.slice(prefix.length);
  const path = below === "" ? "" : posix.normalize(below);
  const split = splitSchemeNamePort(id);
  if (split === undefined) throw newBadRequest(`invalid ${resource.slice(0, -1)} request ${JSON.stringify(id)}`);
  const query = queryOf(url);
  const full = `${path === "" ? "/" : path}${query}`;
  const target =
    resource === "pods"
      ? podTarget(deps, namespace, split, full)
      : resource === "services"
        ? serviceTarget(deps, namespace, id, split, full)
        : nodeTarget(deps, split, full);
  return { target, path, prefix };
}

function podTarget(deps: SecurityDependencies, namespace: string, split: SchemeNamePort, path: string): Target {
  const pod = deps.registry.get<Pod>(pods, namespace, split.name);
  if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, split.name);
  const first = (pod.spec?.containers ?? []).find((container) => (container.ports ?? []).length > 0)?.ports?.[0];
  const port = split.port === "" ? String(first?.containerPort ?? "") : split.port;
  const host = pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? "";
  checkProxyable(host);
  return { scheme: split.scheme, host, port: portNumber(port, split.scheme), path };
}

function portNumber(port: string, scheme: "http" | "https"): number {
  if (port === "") return scheme === "https" ? 443 : 80;
  const number = Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65535)
    throw newServiceUnavailable(`error trying to reach service: dial tcp: lookup tcp/${port}: unknown port`);
  return number;
}

function serviceTarget(
  deps: SecurityDependencies,
  namespace: string,
  id: string,
  split: SchemeNamePort,
  path: string,
): Target {
  let portName = split.port;
  if (/^\d+$/.test(split.port)) {
    const service = deps.registry.get<Service>(services, namespace, split.name);
    if (service === undefined) throw newNotFound({ group: "", resource: "services" }, split.name);
    const found = (service.spec?.ports ?? []).find((port) => port.port === Number(split.port));
    if (found === undefined) {
      throw newServiceUnavailable(`no service port ${split.port} found for service ${JSON.stringify(split.name)}`);
    }
    portName = found.name ?? "";
  }
  const ready = deps.registry.get<Endpoints>(endpoints, namespace, split.name);
  if (ready === undefined) throw newNotFound({ group: "", resource: "endpoints" }, split.name);
  const choices = (ready.subsets ?? []).flatMap((subset) =>
    (subset.ports ?? [])
      .filter((port) => (port.name ?? "") === portName)
      .flatMap((port) => (subset.addresses ?? []).map((address) => ({ host: address.ip, port: port.port }))),
  );
  const chosen = choices[Math.floor(Math.random() * choices.length)];
  if (chosen === undefined) {
    const what = (ready.subsets ?? []).length === 0 ? split.name : id;
    throw newServiceUnavailable(`no endpoints available for service ${JSON.stringify(what)}`);
  }
  checkProxyable(chosen.host);
  return { scheme: split.scheme, ...chosen, path };
}

function nodeTarget(deps: SecurityDependencies, split: SchemeNamePort, path: string): Target {
  const node = getNode(deps, split.name);
  if (split.port === "" || Number(split.port) === kubeletPort(node)) return kubeletTarget(deps, split.name, path);
  const host = nodeAddress(node);
  checkProxyable(host);
  return { scheme: split.scheme, host, port: portNumber(split.port, split.scheme), path };
}
