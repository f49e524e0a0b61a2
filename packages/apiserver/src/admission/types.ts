import type { GroupVersionKind, KubeObject } from "@knots/machinery";
import type { UserInfo } from "../auth/types.ts";
import type { ObjectSource } from "../registry/object-source.ts";

export type AdmissionOperation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** What admission may know, and (mutating plug-ins: `object`) change. */
export interface AdmissionAttributes {
  readonly operation: AdmissionOperation;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly kind: GroupVersionKind;
  /** The apiVersion that the request named: another than `group` and `version`, where the object is stored in another. */
  readonly requestVersion: string;
  readonly namespace: string;
  /** May be empty on create with generateName. */
  readonly name: string;
  /** New state; undefined for DELETE. Mutating plug-ins change it in place or assign another. */
  object: KubeObject | undefined;
  /** Old state on UPDATE and DELETE; read-only. */
  readonly oldObject: KubeObject | undefined;
  /** CreateOptions, UpdateOptions, DeleteOptions, PodExecOptions, … as sent. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly objects: ObjectSource;
  /** Milliseconds since the epoch. */
  readonly now: number;
  warn(text: string): void;
  /** Adds to the audit event of the request; absent when nothing is recorded. */
  readonly annotate?: ((key: string, value: string) => void) | undefined;
  /** Aborts when the client has gone, or its time is up. */
  readonly signal?: (() => AbortSignal) | undefined;
  /** True on the second round, which in-tree plug-ins and IfNeeded webhooks get after a webhook's change. */
  reinvocation: boolean;
}

/** A mutating plug-in's word that what it changed may concern those before it. */
export const REINVOKE = "reinvoke";
type Mutated = void | typeof REINVOKE;

/** What a plug-in must undo when the request fails after it was admitted (quota). */
export type AdmissionUndo = () => Promise<void>;

/** One admission plug-in. Rejects by throwing a StatusError (Forbidden, as a rule). */
export interface AdmissionPlugin {
  readonly name: string;
  /** Cheap test before anything else: is this plug-in concerned at all? */
  handles(attributes: AdmissionAttributes): boolean;
  mutate?(attributes: AdmissionAttributes): Mutated | Promise<Mutated>;
  validate?(attributes: AdmissionAttributes): void | AdmissionUndo | Promise<void | AdmissionUndo>;
}
