import type { Status } from "@knots/machinery";

export const API_VERSION = "audit.k8s.io/v1";

export type Level = "None" | "Metadata" | "Request" | "RequestResponse";
export type Stage = "RequestReceived" | "ResponseStarted" | "ResponseComplete" | "Panic";

/** One event as it is logged (audit.k8s.io/v1 Event). */
export interface AuditEvent {
  readonly kind: "Event";
  readonly apiVersion: typeof API_VERSION;
  readonly level: Level;
  readonly auditID: string;
  readonly stage: Stage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: AuditUser;
  readonly impersonatedUser?: AuditUser;
  readonly sourceIPs?: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: ObjectReference;
  readonly responseStatus?: Partial<Status>;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface AuditUser {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ObjectReference {
  resource?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiGroup?: string;
  apiVersion?: string;
  resourceVersion?: string;
  subresource?: string;
}

/** Where events go in the end. Never rejects: what it cannot keep it reports, and says so. */
export interface EventSink extends AsyncDisposable {
  /** Whether all of them were kept. */
  store(events: readonly AuditEvent[]): Promise<boolean>;
  /** From now on nothing that fails is tried again. */
  stopping?(): void;
}

/** Where events go. Never throws: what it cannot keep it counts and reports. */
export interface AuditBackend extends AsyncDisposable {
  /** A promise where the request has to wait, until the event is kept; false: the request is to fail. */
  write(event: AuditEvent): Promise<boolean> | undefined;
}

/** What the parts a request passes may tell of it. */
export interface AuditAnnotator {
  /** The first value of a key holds: what a part has said is not for another to change. */
  readonly annotate: (key: string, value: string) => void;
}
