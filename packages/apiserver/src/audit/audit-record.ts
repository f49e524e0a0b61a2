// What is known of one request while it is on its way, and the events made of it.
import { gunzipSync } from "node:zlib";
import { formatMicroTime, parseJsonExactly } from "@knots/machinery";
import type { Clock, KubeObject, Status, StatusError } from "@knots/machinery";
import type { UserInfo } from "../auth/types.ts";
import { BODY_OBSERVER } from "../http/body.ts";
import type { Codecs } from "../http/codecs.ts";
import type { RequestInfo } from "../http/request-info.ts";
import type { ApiRequest, ApiResponse } from "../http/types.ts";
import type { Treatment } from "./policy.ts";
import { captureResponse } from "./response-capture.ts";
import type { Capture } from "./response-capture.ts";
import { sourceIPs } from "./source-ips.ts";
import { API_VERSION } from "./types.ts";
import type { AuditAnnotator, AuditEvent, AuditUser, ObjectReference, Stage } from "./types.ts";

const CLOSED_EARLY = { status: "Success", message: "Connection closed early", code: 200 } as const;

export interface RecordParts {
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly info: RequestInfo;
  readonly auditId: string;
  readonly user: UserInfo | undefined;
  readonly treatment: Treatment;
  readonly longRunning: boolean;
}

export interface RecordDependencies {
  readonly clock: Clock;
  readonly codecs: Codecs;
  /** What the request waits for, if anything: false says that it is to fail. */
  emit(event: AuditEvent): Promise<boolean> | undefined;
}

export class AuditRecord implements AuditAnnotator {
  readonly #parts: RecordParts;
  readonly #deps: RecordDependencies;
  readonly #received: string;
  readonly #annotations = new Map<string, string>();
  #impersonated: UserInfo | undefined;
  #body: Uint8Array | undefined;
  #capture: Capture | undefined;
  #started = false;
  /** Settles when the event of the request's arrival is kept, where a backend makes the request wait for that. */
  readonly received: Promise<boolean> | undefined;

  constructor(deps: RecordDependencies, parts: RecordParts) {
    this.#deps = deps;
    this.#parts = parts;
    this.#received = this.#now();
    const { level } = parts.treatment;
    const { request, response, info, longRunning } = parts;
    if (info.isResourceRequest) {
      (request as { [BODY_OBSERVER]?: (body: Uint8Array) => void })[BODY_OBSERVER] = (body) => {
        this.#body = body;
      };
    }
    // A deletion's answer is a Status of its own, which even Metadata tells of.
    const wanted = level === "RequestResponse" || (level !== "None" && info.verb.startsWith("delete"));
    this.#capture = captureResponse(response, wanted && !longRunning && info.isResourceRequest, (status) => {
      if (!longRunning || this.#started) return;
      this.#started = true;
      void this.#emit("ResponseStarted", { code: status });
    });
    this.received = this.#emit("RequestReceived", undefined);
  }

  /** May be handed on by itself. */
  readonly annotate = (key: string, value: string): void => {
    if (!this.#annotations.has(key)) this.#annotations.set(key, value);
  };

  impersonated(user: UserInfo): void {
    this.#impersonated = user;
  }

  /** The request could not be authenticated: told at once, as nothing else happens. */
  unauthenticated(message: string): void {
    this.#started = true;
    void this.#emit("ResponseStarted", { status: "Failure", message, reason: "Unauthorized", code: 401 });
  }

  /** The answer is out, or `error` is what it says. */
  complete(error: StatusError | undefined): void {
    const { response } = this.#parts;
    if (this.#capture?.bytes === undefined || response.writableEnded || error !== undefined) {
      this.#finish(error);
      return;
    }
    // Compression goes on for a moment after the handler is done.
    response.once("close", () => this.#finish(error));
  }

  /** The server's own fault. */
  panic(error: unknown): void {
    void this.#emit("Panic", {
      status: "Failure",
      message: `APIServer panic'd: ${error instanceof Error ? error.message : String(error)}`,
      reason: "InternalError",
      code: 500,
    });
  }

  #finish(error: StatusError | undefined): void {
    const { response, longRunning } = this.#parts;
    let status: Partial<Status> | undefined;
    let object: unknown;
    if (error !== undefined) {
      status = bounded(error.status);
      object = error.status;
    } else if (response.headersSent) {
      object = this.#captured();
      status = { ...(isStatus(object) ? bounded(object) : {}), code: response.statusCode };
    } else {
      status = CLOSED_EARLY;
      if (longRunning && !this.#started) void this.#emit("ResponseStarted", status);
    }
    void this.#emit("ResponseComplete", status, this.#parts.treatment.level === "RequestResponse" ? object : undefined);
  }

  #emit(stage: Stage, status: Partial<Status> | undefined, responseObject?: unknown): Promise<boolean> | undefined {
    const { treatment, auditId, info, request, user } = this.#parts;
    if (treatment.omitStages.has(stage)) return undefined;
    const requestObject = stage === "RequestReceived" ? undefined : this.#requestObject();
    const tellsBody = treatment.level === "Request" || treatment.level === "RequestResponse";
    const userAgent = request.headers["user-agent"];
    const ips = sourceIPs(request);
    const annotations = Object.fromEntries(this.#annotations);
    const reference = referenceOf(info, requestObject);
    return this.#deps.emit({
      kind: "Event",
      apiVersion: API_VERSION,
      level: treatment.level,
      auditID: auditId,
      stage,
      requestURI: request.url ?? info.path,
      verb: info.verb,
      user: auditUser(user),
      ...(this.#impersonated === undefined ? {} : { impersonatedUser: auditUser(this.#impersonated) }),
      ...(ips.length === 0 ? {} : { sourceIPs: ips }),
      ...(userAgent === undefined ? {} : { userAgent }),
      ...(reference === undefined ? {} : { objectRef: reference }),
      ...(status === undefined ? {} : { responseStatus: { metadata: {}, ...status } }),
      ...(requestObject === undefined || !tellsBody ? {} : { requestObject: this.#shown(requestObject) }),
      ...(responseObject === undefined ? {} : { responseObject: this.#shown(responseObject) }),
      requestReceivedTimestamp: this.#received,
      stageTimestamp: stage === "RequestReceived" ? this.#received : this.#now(),
      ...(this.#annotations.size === 0 ? {} : { annotations }),
    });
  }

  /** What was sent, when it can be read: a body that cannot is the handler's to refuse, not ours. */
  #requestObject(): unknown {
    const body = this.#body;
    if (body === undefined || body.length === 0) return undefined;
    const type = this.#parts.request.headers["content-type"];
    try {
      if (this.#parts.info.verb === "patch" && !/yaml/.test(type ?? ""))
        return parseJsonExactly(Buffer.from(body).toString());
      return this.#deps.codecs.decodeObject(this.#parts.info.verb === "patch" ? "application/yaml" : type, body);
    } catch {
      return undefined;
    }
  }

  #captured(): unknown {
    const { bytes, contentType, contentEncoding } = this.#capture ?? {};
    if (bytes === undefined) return undefined;
    try {
      const body = Buffer.concat(bytes);
      const plain = contentEncoding === "gzip" ? gunzipSync(body) : body;
      return this.#deps.codecs.decodeObject(contentType?.split(";")[0], plain);
    } catch {
      return undefined;
    }
  }

  #shown(object: unknown): unknown {
    return this.#parts.treatment.omitManagedFields ? withoutManagedFields(object) : object;
  }

  #now(): string {
    return formatMicroTime(new Date(this.#deps.clock.now()));
  }
}

function auditUser(user: UserInfo | undefined): AuditUser {
  if (user === undefined) return {};
  const { name, uid, groups, extra } = user;
  return {
    username: name,
    ...(uid === undefined || uid === "" ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra === undefined || Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** Names that only the body knows (generateName aside) are taken from there. */
function referenceOf(info: RequestInfo, object: unknown): ObjectReference | undefined {
  if (!info.isResourceRequest) return undefined;
  const metadata = info.verb === "patch" ? undefined : (object as KubeObject | undefined)?.metadata;
  const all: ObjectReference = {
    resource: info.resource,
    namespace: info.namespace || (metadata?.namespace ?? ""),
    name: info.name || (metadata?.name ?? ""),
    uid: metadata?.uid ?? "",
    apiGroup: info.apiGroup,
    apiVersion: info.apiVersion,
    resourceVersion: metadata?.resourceVersion ?? "",
    subresource: info.subresource,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

function isStatus(object: unknown): object is Status {
  const { kind, apiVersion } = (object ?? {}) as { kind?: string; apiVersion?: string };
  return kind === "Status" && apiVersion === "v1";
}

/** The parts of a Status that are of limited length. */
function bounded({ status, message, reason, details, code }: Status): Partial<Status> {
  return {
    ...(status === undefined ? {} : { status }),
    ...(message === undefined || message === "" ? {} : { message }),
    ...(reason === undefined || reason === "" ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    ...(code === undefined ? {} : { code }),
  };
}

function withoutManagedFields(object: unknown): unknown {
  if (typeof object !== "object" || object === null) return object;
  const { metadata, items } = object as { metadata?: object; items?: unknown };
  return {
    ...object,
    ...(metadata === undefined
      ? {}
      : { metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== "managedFields")) }),
    ...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : {}),
  };
}
