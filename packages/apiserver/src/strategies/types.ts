import type { FieldError, KubeObject } from "@knots/machinery";
import type { FieldFilter } from "@knots/machinery/managed-fields/index";
import type { ObjectSource } from "../registry/object-source.ts";
import type { UserInfo } from "../auth/types.ts";

/** What a strategy may know of the request beside the object itself. */
export interface StrategyContext {
  readonly user: UserInfo;
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  /** Name from the path; empty on create. */
  readonly name: string;
  /** "" for the resource itself, else "status", "scale", "resize", … */
  readonly subresource: string;
  /** The apiVersion that the request names; absent for the server's own writes, and where there is only one. */
  readonly apiVersion?: string;
  /** Milliseconds since the epoch, from the server's clock. */
  readonly now: number;
  readonly objects: ObjectSource;
  readonly dryRun: boolean;
  /** Adds a Warning header, for what is gone once the object is prepared. */
  readonly warn: (text: string) => void;
}

/** DeleteOptions as far as a strategy looks at them. */
export interface DeletionRequest {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
}

/**
 * What the facts of a type cannot say: defaults that depend on other fields, cross-field validation, what a
 * client may not set. The registry calls, on create: defaults → prepareForCreate → (admission) → defaults →
 * validate → canonicalize; on update the same with prepareForUpdate and validateUpdate.
 * Hooks change the object they are given; `old` is shared and read-only.
 */
export interface Strategy<T extends KubeObject = KubeObject> {
  /** Defaults beyond those of the schema, which are applied before. */
  defaults?(obj: T): void;
  /** Clears what clients may not set (status, …), sets generation. */
  prepareForCreate?(obj: T, ctx: StrategyContext): void;
  /** Keeps what this (sub)resource may not change, bumps generation when the spec changes. */
  prepareForUpdate?(next: T, old: T, ctx: StrategyContext): void;
  /** All errors, metadata's included. */
  validate?(obj: T, ctx: StrategyContext): FieldError[];
  /** All errors of the new state and of the transition. */
  validateUpdate?(next: T, old: T, ctx: StrategyContext): FieldError[];
  /** Texts of Warning headers. */
  warnings?(obj: T, old?: T): string[];
  /** Normalises after validation (sorting, trimming). */
  canonicalize?(obj: T): void;
  /** Leaves of a set of fields those that such a write can set: nobody owns what the preparations put back. */
  resetFields?: FieldFilter;
  /** PUT to a name that does not exist creates it. */
  allowCreateOnUpdate?: boolean;
  /** An update without resourceVersion is accepted. */
  allowUnconditionalUpdate?: boolean;
  /** Overrides for /status, /scale, …: what is absent falls back to the default for that subresource. */
  subresources?: Record<string, Partial<Strategy<T>>>;
  /** Why nobody may delete the object of that name; deletions of a collection, as upstream, do not ask. */
  undeletable?(name: string): string | undefined;
  /** Grace period with which the object is to be deleted (Pods); undefined: at once. */
  gracefulDeletion?(obj: T, options: DeletionRequest, ctx: StrategyContext): { graceSeconds: number } | undefined;
  /** Selectable fields beyond metadata.name and metadata.namespace. Every selectable label must be present, empty string when unset. */
  fieldLabels?(obj: T): Record<string, string>;
}
