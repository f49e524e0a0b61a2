import { randomUUID } from "node:crypto";
import { StatusError, newForbidden, newInternalError, newTooManyRequests } from "@knots/machinery";
import type { Clock, Logger } from "@knots/machinery";
import type { AuditRecord } from "../audit/audit-record.ts";
import type { Auditor } from "../audit/auditor.ts";
import { Cohort } from "../cohort.ts";
import { selectorsOfQuery } from "../auth/selectors.ts";
import type { Attributes, Authenticator, Authorizer, Decision, UserInfo } from "../auth/types.ts";
import { RequestRejected } from "../flowcontrol/request-rejected.ts";
import type { Gate, Seat } from "../flowcontrol/types.ts";
import { DeadlineExceeded, sendDeadlineExceeded } from "./deadline-exceeded.ts";
import { Deadlines } from "./deadlines.ts";
import { RequestPassage } from "./request-context.ts";
import { isLongRunning, isUnfinished, parseRequestInfo, selectedName } from "./request-info.ts";
import type { RequestInfo } from "./request-info.ts";
import { RequestSignal } from "./request-signal.ts";
import { sendError, sendText, sendTooManyRequests } from "./respond.ts";
import type { ApiRequest, ApiResponse, RequestContext } from "./types.ts";
import { isMalformed, pathOf } from "./url-path.ts";

/** Deadline of everything but watches and streams. */
const REQUEST_TIMEOUT_MS = 60_000;

export const ANONYMOUS: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };

export interface ChainDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  authenticator(): Authenticator;
  authorizer(): Authorizer;
  /** Impersonation: gives the user to act as, or the same; throws Forbidden. */
  impersonate(user: UserInfo, request: ApiRequest): UserInfo | Promise<UserInfo>;
  /** Priority and fairness, or what limits requests in its place. */
  gate?(): Gate;
  /** Absent without an audit policy. */
  auditor?(): Auditor | undefined;
  /** What answers after authorization. */
  handle(ctx: RequestContext): Promise<void>;
  observe(ctx: Observation): void;
}

/** One finished request, for metrics. */
export interface Observation {
  readonly info: RequestInfo;
  readonly method: string;
  readonly status: number;
  readonly milliseconds: number;
}

/**
 * What every request passes, in order: audit id, request info, authentication, audit, impersonation,
 * priority and fairness, authorization, deadline.
 * Whatever is thrown further in becomes a Status here; nothing that a request does can end the process.
 */
export class HandlerChain {
  readonly #deps: ChainDependencies;
  readonly #deadlines: Deadlines;
  /** Requests that arrived in one turn of the event loop pass the chain side by side. */
  readonly #arrived = new Cohort();
  /** What ends when the server stops: watches and streams under way, and requests that wait to be let in. */
  readonly #interruptible = new Set<RequestSignal>();
  #draining = false;
  #inFlight = 0;
  #idle: (() => void) | undefined;

  constructor(deps: ChainDependencies) {
    this.#deps = deps;
    this.#deadlines = new Deadlines(deps.clock, REQUEST_TIMEOUT_MS);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Ends watches and streams; resolves when all requests have been answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    for (const life of this.#interruptible) life.abort();
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** `handler` takes the place of the ordinary one for connections that are to be upgraded. */
  async handle(
    request: ApiRequest,
    response: ApiResponse,
    handler: (ctx: RequestContext) => Promise<void> = (ctx) => this.#deps.handle(ctx),
  ): Promise<void> {
    const started = this.#deps.clock.monotonic();
    const url = request.url ?? "/";
    const info = parseRequestInfo(request.method ?? "GET", url);
    const auditId = String(request.headers["audit-id"] ?? randomUUID());
    response.setHeader("audit-id", auditId);
    if (url.includes("%") && isMalformed(pathOf(url))) {
      // So Go's HTTP server answers, before anybody else is asked.
      if (request.httpVersionMajor === 1) response.setHeader("connection", "close");
      sendText(response, 400, "400 Bad Request");
      return;
    }
    if (isUnfinished(info)) {
      const why = `unable to determine kind and namespace from url, ${url}`;
      const text = `Internal Server Error: ${JSON.stringify(url)}: failed to create RequestInfo: ${why}`;
      sendText(response, 500, `${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")}\n`);
      return;
    }
    this.#inFlight++;
    const passage: Passage = {
      request,
      response,
      info,
      auditId,
      startedAt: started,
      record: undefined,
      allowed: false,
    };
    let status = 0;
    try {
      await this.#serve(passage, handler);
      status = response.statusCode;
      passage.record?.complete(undefined);
    } catch (error) {
      // What impersonation and authorization refuse; what is forbidden later is answered by handlers.
      if (!passage.allowed && error instanceof StatusError && error.code === 403)
        response.setHeader("x-content-type-options", "nosniff");
      const answered = this.#fail(request, response, info, error);
      status = answered.code;
      if (passage.record !== undefined) tellFailure(passage.record, error, answered);
    } finally {
      this.#inFlight--;
      this.#deps.observe({
        info,
        method: request.method ?? "GET",
        status,
        milliseconds: this.#deps.clock.monotonic() - started,
      });
      if (this.#inFlight === 0) this.#idle?.();
    }
  }

  async #serve(passage: Passage, handler: (ctx: RequestContext) => Promise<void>): Promise<void> {
    const { request, response, info } = passage;
    const life = new RequestSignal(response);
    const longRunning = isLongRunning(info);
    let seat: Seat | undefined;
    if (longRunning) this.#interrupt(life);
    try {
      await this.#arrived.join();
      const known = this.#authenticate(passage, longRunning);
      const authenticated = known instanceof Promise ? await known : known;
      const received = passage.record?.received;
      if (received !== undefined && !(await received)) throw newInternalError("failed to store audit event");
      const acting = this.#deps.impersonate(authenticated, request);
      const user = acting instanceof Promise ? await acting : acting;
      if (user !== authenticated) passage.record?.impersonated(user);
      // Streams would keep a seat for hours; a watch takes one until its initial events are out.
      if (!longRunning || info.verb === "watch") {
        const entered = this.#deps.gate?.().enter(user, info, response, life);
        seat = entered instanceof Promise ? await this.#waited(entered, life) : entered;
      }
      const allowed = this.#authorize(user, info, passage.record);
      if (allowed !== undefined) await allowed;
      passage.allowed = true;
      const { auditId, startedAt, record: audit } = passage;
      const ctx = new RequestPassage({ request, response, info, auditId, startedAt, user, audit, life, seat });
      await (longRunning ? handler(ctx) : this.#deadlines.within(handler(ctx), () => new DeadlineExceeded()));
    } finally {
      seat?.release();
      this.#interruptible.delete(life);
    }
  }

  #interrupt(life: RequestSignal): void {
    if (this.#draining) life.abort();
    this.#interruptible.add(life);
  }

  async #waited(entered: Promise<Seat>, life: RequestSignal): Promise<Seat> {
    const alreadyListed = this.#interruptible.has(life);
    this.#interrupt(life);
    try {
      return await entered;
    } finally {
      if (!alreadyListed) this.#interruptible.delete(life);
    }
  }

  /** Whom the request is from; from here on it is recorded, when the policy says so. */
  #authenticate(passage: Passage, longRunning: boolean): UserInfo | Promise<UserInfo> {
    const { auditId, request, response, info } = passage;
    const begin = (user: UserInfo | undefined): AuditRecord | undefined =>
      this.#deps.auditor?.()?.begin({ request, response, info, auditId, user, longRunning });
    const found = (user: UserInfo = ANONYMOUS): UserInfo => {
      passage.record = begin(user);
      return user;
    };
    const refused = (error: unknown): never => {
      const method = /^(\w+) /.exec(request.headers.authorization ?? "")?.[1]?.toLowerCase();
      begin(undefined)?.unauthenticated(
        `Authentication failed, ${method === undefined ? "no credentials provided" : `attempted: ${method}`}`,
      );
      throw error;
    };
    let known: UserInfo | undefined | Promise<UserInfo | undefined>;
    try {
      known = this.#deps.authenticator().authenticate(request);
    } catch (error) {
      return refused(error);
    }
    return known instanceof Promise ? known.then(found, refused) : found(known);
  }

  /** Undefined when the authorizer knew at once; throws, or rejects with, Forbidden. */
  #authorize(user: UserInfo, info: RequestInfo, record: AuditRecord | undefined): Promise<void> | undefined {
    const attributes = attributesOf(user, info);
    const check = (decision: Decision): void => {
      const allowed = decision.allowed === "allow";
      record?.annotate("authorization.k8s.io/decision", allowed ? "allow" : "forbid");
      record?.annotate("authorization.k8s.io/reason", decision.reason);
      if (!allowed) throw forbidden(attributes, decision.reason);
    };
    const pending = this.#deps.authorizer().authorize(attributes);
    if (pending instanceof Promise) return pending.then(check);
    check(pending);
    return undefined;
  }

  #fail(request: ApiRequest, response: ApiResponse, info: RequestInfo, error: unknown): StatusError {
    if (error instanceof RequestRejected) {
      if (!response.headersSent) sendTooManyRequests(response, error.message);
      return newTooManyRequests(error.message, 1);
    }
    if (error instanceof DeadlineExceeded && !response.headersSent) {
      sendDeadlineExceeded(request, response, error);
      return error;
    }
    if (!(error instanceof StatusError)) {
      this.#deps.logger.error({ err: error, verb: info.verb, path: info.path }, "a request failed unexpectedly");
    }
    try {
      return sendError(request, response, error);
    } catch (cause) {
      this.#deps.logger.error({ err: cause }, "an error could not be answered");
      response.destroy();
      return StatusError.from(error);
    }
  }
}

/** One request on its way, and what is recorded of it. */
interface Passage {
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly info: RequestInfo;
  readonly auditId: string;
  readonly startedAt: number;
  record: AuditRecord | undefined;
  /** It has been authorized. */
  allowed: boolean;
}

/** A thrown StatusError is an answer; anything else is a fault of the server, which upstream calls a panic. */
function tellFailure(record: AuditRecord, error: unknown, answered: StatusError): void {
  if (error instanceof StatusError || error instanceof RequestRejected) record.complete(answered);
  else record.panic(error);
}

/** Whose selectors say which objects they are about. */
const SELECTING_VERBS = new Set(["list", "watch", "deletecollection"]);

export function attributesOf(user: UserInfo, info: RequestInfo): Attributes {
  return {
    user,
    verb: info.verb,
    namespace: info.namespace,
    apiGroup: info.apiGroup,
    apiVersion: info.apiVersion,
    resource: info.resource,
    subresource: info.subresource,
    name: info.name === "" ? selectedName(info) : info.name,
    resourceRequest: info.isResourceRequest,
    path: info.path,
    ...(SELECTING_VERBS.has(info.verb) ? selectorsOfQuery(info.query) : undefined),
  };
}

/** Whether the user of a request may do something beside what its method says. Throws Forbidden. */
export async function authorizeVerb(authorizer: Authorizer, ctx: RequestContext, verb: string): Promise<void> {
  const attributes = { ...attributesOf(ctx.user, ctx.info), verb };
  const decision = await authorizer.authorize(attributes);
  if (decision.allowed !== "allow") throw forbidden(attributes, decision.reason);
}

/** Upstream's sentence for a refused request. */
function forbidden(attributes: Attributes, reason: string): StatusError {
  const { user, verb, apiGroup, resource, subresource, namespace, name, path } = attributes;
  const because = reason === "" ? "" : `: ${reason}`;
  if (!attributes.resourceRequest) {
    return newForbidden(
      { group: "", resource: "" },
      "",
      `User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}${because}`,
    );
  }
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return newForbidden(
    { group: apiGroup, resource },
    name,
    `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(apiGroup)} ${where}${because}`,
  );
}
