import type { ResourceInfo } from "@knots/api";
import type { KubeObject, TypeSchema } from "@knots/machinery";
import type { Strategy } from "../strategies/types.ts";
import type { Operation } from "./operation.ts";
import type { ResourceVersions } from "./versions.ts";

/** Gives back what a hook took (allocated addresses, …) when the write fails afterwards. */
export type Undo = () => void | Promise<void>;

/** Work that belongs to a write of one resource but needs more than the object: allocation, repair, rights. */
export interface StorageHooks {
  /** After prepareForCreate, before validation. */
  beforeCreate?(object: KubeObject, op: Operation): Promise<Undo | undefined>;
  /** After prepareForUpdate, before validation. */
  beforeUpdate?(next: KubeObject, old: KubeObject, op: Operation): Promise<Undo | undefined>;
  /** After the write of `next` is durable. */
  afterUpdate?(next: KubeObject, old: KubeObject): Promise<void>;
  afterDelete?(object: KubeObject): Promise<void>;
  /** Seconds after which the store forgets the object (events). */
  ttlSeconds?(object: KubeObject): number | undefined;
}

/** Everything the registry knows of one stored resource: its storage version's facts, schema and rules. */
export interface StoredType {
  /** Facts of the storage version. */
  readonly info: ResourceInfo;
  /** Store prefix, with the slash at its end. */
  readonly prefix: string;
  /** Undefined when the type preserves everything. */
  readonly schema: TypeSchema | undefined;
  readonly strategy: Strategy;
  readonly versions: ResourceVersions;
  /** Schema defaults and the strategy's defaults. */
  applyDefaults(object: KubeObject): void;
  readonly hooks: StorageHooks;
  /** Brings a state that was stored in an earlier storage version into this one; gives the same object where it is. */
  upgrade?(object: KubeObject): KubeObject | Promise<KubeObject>;
  /** DELETE answers with the object that was deleted, not with a Status. */
  readonly returnsDeleted: boolean;
  /** Labels a watcher may register for besides namespace and name, e.g. "node:n1". */
  readonly triggers?: (object: KubeObject) => string[];
}
