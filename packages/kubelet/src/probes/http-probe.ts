/** The HTTP probe: a GET whose status 200–399 is a success. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Container, HTTPGetAction } from "@knots/api/core/v1";
import type { ProbeOutcome } from "./types.ts";

const MAX_REDIRECTS = 10;

/** The port an action names, by number or by the container's port name. */
export function resolvePort(port: number | string, container: Container): number {
  const number = Number(port);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  const named = (container.ports ?? []).find((each) => each.name === port);
  if (named === undefined) throw new Error(`unable to parse port: ${port}`);
  return named.containerPort;
}

export async function httpProbe(
  action: HTTPGetAction,
  container: Container,
  podIP: string,
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const host = action.host === undefined || action.host === "" ? podIP : action.host;
  const path = action.path === undefined || action.path === "" ? "/" : action.path;
  const bracketed = host.includes(":") ? `[${host}]` : host;
  const port = resolvePort(action.port, container);
  let url = new URL(`${scheme}://${bracketed}:${port}${path.startsWith("/") ? path : `/${path}`}`);
  const headers = headersOf(action);
  const deadline = performance.now() + timeoutMs;
  for (let redirects = 0; ; redirects++) {
    let answer: IncomingMessage;
    try {
      answer = await get(url, headers, Math.max(1, deadline - performance.now()));
    } catch (error) {
      return { result: "failure", output: `Get "${url.href}": ${describe(error, url)}` };
    }
    const status = answer.statusCode ?? 0;
    const location = answer.headers.location;
    if (status >= 300 && status < 400 && location !== undefined && URL.canParse(location, url.href)) {
      const next = new URL(location, url);
      // Somebody else's health says nothing about this container.
      if (next.hostname !== url.hostname) return { result: "warning", output: "Probe terminated redirects" };
      if (redirects >= MAX_REDIRECTS) return { result: "failure", output: "stopped after 10 redirects" };
      url = next;
      continue;
    }
    if (status >= 200 && status < 400) return { result: "success", output: "" };
    return { result: "failure", output: `HTTP probe failed with statuscode: ${status}` };
  }
}

/** The action's headers with a probe's own defaults; an empty `Accept` takes the default away. */
function headersOf(action: HTTPGetAction): [string, string][] {
  const own = (action.httpHeaders ?? []).map(({ name, value }): [string, string] => [name, value]);
  const has = (name: string): boolean => own.some(([key]) => key.toLowerCase() === name);
  if (!has("user-agent")) own.push(["User-Agent", "kube-probe/1.36"]);
  if (!has("accept")) own.push(["Accept", "*/*"]);
  return own.filter(([name, value]) => !(name.toLowerCase() === "accept" && value === ""));
}

/** Resolves with the head of the answer; what follows is thrown away. */
async function get(url: URL, headers: readonly [string, string][], timeoutMs: number): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const grouped: Record<string, string | string[]> = {};
    for (const [name, value] of headers) {
      const known = grouped[name];
      grouped[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
    }
    const options = { method: "GET", headers: grouped, agent: false as const };
    // The certificate is the container's own business.
    const sent =
      url.protocol === "https:"
        ? httpsRequest(url, { ...options, rejectUnauthorized: false })
        : httpRequest(url, options);
    const timer = setTimeout(() => sent.destroy(new TimeoutError()), timeoutMs);
    sent.once("response", (answer) => {
      clearTimeout(timer);
      answer.on("error", () => undefined);
      answer.destroy();
      resolve(answer);
    });
    sent.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    sent.end();
  });
}

export class TimeoutError extends Error {}

function describe(error: unknown, url: URL): string {
  if (error instanceof TimeoutError)
    return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
  return dialError(error, url.hostname, url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port);
}

/** A connection's failure in Go's words, which people search for. */
export function dialError(error: unknown, host: string, port: number | string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ECONNREFUSED: "connect: connection refused",
    EHOSTUNREACH: "connect: no route to host",
    ENETUNREACH: "connect: network is unreachable",
    ETIMEDOUT: "i/o timeout",
    ECONNRESET: "read: connection reset by peer",
  };
  const known = words[code ?? ""];
  return known === undefined ? message : `dial tcp ${host}:${port}: ${known}`;
}
