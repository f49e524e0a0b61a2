// exec, attach, port-forward: from a pod and the request's parameters to a path on its kubelet.
import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { newBadRequest, newNotFound } from "@knots/machinery";
import { boolParam } from "../http/request-info.ts";
import type { RequestContext } from "../http/types.ts";
import type { SecurityDependencies } from "../security.ts";
import { kubeletTarget } from "./kubelet.ts";
import type { Target } from "./dial.ts";

export function getPod(deps: SecurityDependencies, ctx: RequestContext): Pod {
  const { namespace, name } = ctx.info;
  const pod = deps.registry.get<Pod>(pods, namespace, name);
  if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, name);
  return pod;
}

/** The container that a request without one means; throws 400 with the choices when there are several. */
export function chooseContainer(pod: Pod, asked: string | null): string {
  const spec = pod.spec;
  const containers = (spec?.containers ?? []).map((container) => container.name);
  const initial = (spec?.initContainers ?? []).map((container) => container.name);
  const ephemeral = (spec?.ephemeralContainers ?? []).map((container) => container.name);
  const name = pod.metadata?.name ?? "";
  if (asked !== null && asked !== "") {
    if ([...containers, ...initial, ...ephemeral].includes(asked)) return asked;
    throw newBadRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const preferred = pod.metadata?.annotations?.["kubectl.kubernetes.io/default-container"];
  if (preferred !== undefined && containers.includes(preferred)) return preferred;
  if (containers.length === 1 && containers[0] !== undefined) return containers[0];
  const init = initial.length === 0 ? "" : ` or one of the init containers: [${initial.join(" ")}]`;
  throw newBadRequest(
    `a container name must be specified for pod ${name}, choose one of: [${containers.join(" ")}]${init}`,
  );
}

/** Which streams an exec or attach has. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export function streamOptions(query: URLSearchParams): StreamOptions {
  return {
    stdin: boolParam(query, "stdin"),
    stdout: boolParam(query, "stdout"),
    stderr: boolParam(query, "stderr"),
    tty: boolParam(query, "tty"),
  };
}

/** PodExecOptions, PodAttachOptions, PodPortForwardOptions as admission sees them. */
export function connectOptions(ctx: RequestContext): Record<string, unknown> {
  const { query, subresource } = ctx.info;
  const container = query.get("container");
  if (subresource === "portforward") {
    const ports = query.getAll("ports").flatMap((each) => each.split(",").map(Number));
    return { kind: "PodPortForwardOptions", apiVersion: "v1", ...(ports.length === 0 ? {} : { ports }) };
  }
  const { stdin, stdout, stderr, tty } = streamOptions(query);
  return {
    kind: subresource === "exec" ? "PodExecOptions" : "PodAttachOptions",
    apiVersion: "v1",
    ...(stdin ? { stdin } : {}),
    ...(stdout ? { stdout } : {}),
    ...(stderr ? { stderr } : {}),
    ...(tty ? { tty } : {}),
    ...(container === null ? {} : { container }),
    ...(subresource === "exec" ? { command: query.getAll("command") } : {}),
  };
}

/** The kubelet's URL for an exec, attach or port-forward; throws what is wrong with pod, container or node. */
export function podStreamTarget(deps: SecurityDependencies, ctx: RequestContext): Target {
  const { namespace, name, query, subresource } = ctx.info;
  const pod = getPod(deps, ctx);
  const parameters = new URLSearchParams();
  let path = `/portForward/${namespace}/${name}`;
  if (subresource !== "portforward") {
    path = `/${subresource}/${namespace}/${name}/${chooseContainer(pod, query.get("container"))}`;
    const { stdin, stdout, stderr, tty } = streamOptions(query);
    // The kubelet's names for them.
    if (stdin) parameters.set("input", "1");
    if (stdout) parameters.set("output", "1");
    if (stderr) parameters.set("error", "1");
    if (tty) parameters.set("tty", "1");
    if (subresource === "exec") for (const word of query.getAll("command")) parameters.append("command", word);
  } else {
    const ports = query.getAll("ports");
    if (ports.length > 0) parameters.set("port", ports.join(","));
  }
  const nodeName = pod.spec?.nodeName ?? "";
  if (nodeName === "") throw newBadRequest(`pod ${name} does not have a host assigned`);
  const text = parameters.toString();
  return kubeletTarget(deps, nodeName, text === "" ? path : `${path}?${text}`);
}
