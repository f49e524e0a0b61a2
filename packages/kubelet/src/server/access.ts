/** Who calls the kubelet, and whether they may: both are the API server's to say (webhook mode). */
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Client } from "@knots/client";
import type { Clock } from "@knots/machinery";
import { HttpError } from "./http-error.ts";

export interface Caller {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
}

export interface Attributes {
  readonly verb: string;
  /** Of `nodes`. */
  readonly subresource: string;
}

const TOKEN_MS = 120_000;
const ALLOWED_MS = 300_000;
const DENIED_MS = 30_000;
const MAX_ENTRIES = 1_000;

/** The rule of `kubelet authorization`: what a path asks for. Pure. */
export function attributesFor(method: string, path: string): Attributes {
  const verbs: Record<string, string> = { GET: "get", HEAD: "get", POST: "create", PUT: "update", PATCH: "patch" };
  const first = path.split("/")[1] ?? "";
  const subresources: Record<string, string> = { stats: "stats", metrics: "metrics", logs: "log" };
  // A shell over a WebSocket begins with GET and is no reading.
  const acts = ["exec", "attach", "portForward", "run"].includes(first);
  const verb = acts ? "create" : (verbs[method] ?? "delete");
  return { verb, subresource: subresources[first] ?? "proxy" };
}

export class Access {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #nodeName: string;
  readonly #tokens = new Map<string, { caller: Caller | undefined; until: number }>();
  readonly #decisions = new Map<string, { allowed: boolean; until: number }>();

  constructor(options: { client: Client; clock: Clock; nodeName: string }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#nodeName = options.nodeName;
  }

  /** Throws 401 or 403 with upstream's words. */
  async check(request: IncomingMessage): Promise<Caller> {
    const caller = certificateOf(request) ?? (await this.#tokenOf(request));
    if (caller === undefined) throw new HttpError(401, "Unauthorized");
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const attributes = attributesFor(request.method ?? "GET", path);
    if (!(await this.#allowed(caller, attributes))) {
      const { verb, subresource } = attributes;
      throw new HttpError(
        403,
        `Forbidden (user=${caller.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresource}])`,
      );
    }
    return caller;
  }

  async #tokenOf(request: IncomingMessage): Promise<Caller | undefined> {
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) return undefined;
    const now = this.#clock.now();
    const known = this.#tokens.get(token);
    if (known !== undefined && known.until > now) return known.caller;
    const review = (await this.#client.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } },
    })) as { status?: { authenticated?: boolean; user?: { username?: string; uid?: string; groups?: string[] } } };
    const { authenticated, user } = review.status ?? {};
    const caller =
      authenticated === true && user?.username !== undefined
        ? { name: user.username, groups: user.groups ?? [], ...(user.uid === undefined ? {} : { uid: user.uid }) }
        : undefined;
    remember(this.#tokens, token, { caller, until: now + TOKEN_MS });
    return caller;
  }

  async #allowed(caller: Caller, { verb, subresource }: Attributes): Promise<boolean> {
    const key = JSON.stringify([caller, verb, subresource]);
    const now = this.#clock.now();
    const known = this.#decisions.get(key);
    if (known !== undefined && known.until > now) return known.allowed;
    const review = (await this.#client.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: caller.name,
          groups: caller.groups,
          resourceAttributes: { verb, version: "v1", resource: "nodes", subresource, name: this.#nodeName },
        },
      },
    })) as { status?: { allowed?: boolean } };
    const allowed = review.status?.allowed === true;
    remember(this.#decisions, key, { allowed, until: now + (allowed ? ALLOWED_MS : DENIED_MS) });
    return allowed;
  }
}

/** The subject of a client certificate that our CA signed. */
function certificateOf(request: IncomingMessage): Caller | undefined {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) return undefined;
  const { CN, O } = socket.getPeerCertificate().subject;
  if (typeof CN !== "string" || CN === "") return undefined;
  return { name: CN, groups: [...(O === undefined ? [] : [O].flat()), "system:authenticated"] };
}

function remember<T>(cache: Map<string, T>, key: string, value: T): void {
  cache.delete(key);
  cache.set(key, value);
  const oldest = cache.size > MAX_ENTRIES ? cache.keys().next().value : undefined;
  if (oldest !== undefined) cache.delete(oldest);
}
