import { isAlreadyExists, newInvalid, newNotFound } from "@knots/machinery";
import type { Clock, GroupVersionKind, KubeObject } from "@knots/machinery";
import type { AdmissionUndo } from "../admission/types.ts";
import type { Strategy } from "../strategies/types.ts";
import { Entry } from "../watch-cache/entry.ts";
import type { ResourceCache } from "../watch-cache/resource-cache.ts";
import type { Committer } from "./committer.ts";
import { createObject } from "./create-object.ts";
import type { CreationParts } from "./create-object.ts";
import { deleteObject } from "./delete-object.ts";
import { isFinished, preconditionFailed } from "./deletion.ts";
import type { DeleteOptions } from "./deletion.ts";
import type { FieldTracker } from "./field-tracker.ts";
import { keyOf } from "./keys.ts";
import { deepEqual, keepSystemFields, withMetadata } from "./metadata.ts";
import type { StoredObject } from "./metadata.ts";
import { differsInTimesAlone } from "./managed-fields.ts";
import { mutateObject } from "./mutate-object.ts";
import type { ObjectSource } from "./object-source.ts";
import type { Operation } from "./operation.ts";
import type { StoredType, Undo } from "./resource-type.ts";
import { mayHaveBeenMade } from "./store-failure.ts";
import { Turns } from "./turns.ts";
import { detachedEntry, modified, viewOf, WriteContext } from "./write-context.ts";

/** Tries of an update that may be repeated on a newer state before the conflict is the caller's. */
const UPDATE_TRIES = 10;

export interface UpdateRequest {
  readonly namespace: string;
  readonly name: string;
  /** Makes the wanted state from the current one, which is read-only (undefined: create). May be called again after a conflict. */
  transform(current: StoredObject | undefined): KubeObject | Promise<KubeObject>;
  /** Accept the absence of resourceVersion whatever the strategy says (subresources that carry no metadata). */
  readonly forceUnconditional?: boolean;
  /** A conflict with another writer is answered by transforming the newer state. */
  readonly retryOnConflict?: boolean;
  /** Create when missing, even where the strategy does not allow it (server-side apply). */
  readonly createIfMissing?: boolean;
  /** The server's own change (binding): no strategy, no admission of the update, managed fields only if asked for. */
  readonly raw?: boolean;
  /** How managed fields are recorded: a plain write, or an apply whose transform has set them already. */
  readonly managedFields?: "update" | "set-by-transform";
}

export interface StorageDependencies {
  readonly committer: Committer;
  readonly clock: Clock;
  readonly objects: ObjectSource;
  readonly tracker: FieldTracker;
}

/**
 * Create, update and delete of one resource on decoded objects in its storage version: strategy, admission, managed
 * fields and compare-and-swap in upstream's order. Handlers and the server's own writers use it alike.
 */
export class ResourceStorage {
  readonly type: StoredType;
  readonly cache: ResourceCache;
  readonly #deps: StorageDependencies;
  readonly #context: WriteContext;
  readonly #creation: CreationParts;
  readonly #turns: Turns;

  constructor(type: StoredType, cache: ResourceCache, deps: StorageDependencies) {
    this.type = type;
    this.cache = cache;
    this.#deps = deps;
    this.#context = new WriteContext(type, deps);
    this.#creation = { ...deps, storage: this, context: this.#context };
    this.#turns = new Turns(deps.clock);
  }

  key(namespace: string, name: string): string {
    return keyOf(this.type.prefix, this.type.info.namespaced ? namespace : undefined, name);
  }

  /** The current state; throws NotFound. */
  get(namespace: string, name: string): Entry {
    const entry = this.cache.get(this.key(namespace, name));
    if (entry === undefined) throw newNotFound(this.type.info, name);
    return entry;
  }

  /** Throws AlreadyExists; under `generateName` free names are tried first. */
  create(op: Operation, namespace: string, input: KubeObject): Promise<Entry> {
    return createObject(this.#creation, op, namespace, withMetadata(input));
  }

  /** `created` tells whether the object did not exist before. */
  update(op: Operation, request: UpdateRequest): Promise<{ entry: Entry; created: boolean }> {
    const key = this.key(request.namespace, request.name);
    return this.#turns.take(key, (passOn) => this.#update(op, request, key, passOn));
  }

  async #update(
    op: Operation,
    request: UpdateRequest,
    key: string,
    decided: () => void,
  ): Promise<{ entry: Entry; created: boolean }> {
    const { info } = this.type;
    const strategy = this.#context.strategy(op.subresource);
    for (let tries = 1; ; tries++) {
      const entry = this.#deps.committer.current(key) ?? this.cache.get(key);
      if (entry === undefined) {
        if (request.createIfMissing !== true && strategy.allowCreateOnUpdate !== true)
          throw newNotFound(info, request.name);
        const object = withMetadata(await request.transform(undefined));
        delete object.metadata.resourceVersion;
        const { uid = "" } = object.metadata;
        if (uid !== "") throw preconditionFailed(info, request.name, key, "UID", uid, "");
        try {
          const made = await createObject(this.#creation, op, request.namespace, object, request.managedFields);
          return { entry: made, created: true };
        } catch (error) {
          // Another writer came first: then it is an update.
          if (!isAlreadyExists(error) || tries >= UPDATE_TRIES) throw error;
          continue;
        }
      }
      const done = await this.#tryUpdate(op, request, strategy, key, entry, decided);
      if (done !== undefined) return { entry: done, created: false };
      if (request.retryOnConflict !== true || tries >= UPDATE_TRIES) throw modified(info, request.name);
    }
  }

  /** The object as it was when deletion was accepted, and whether it is gone already. */
  delete(
    op: Operation,
    namespace: string,
    name: string,
    options: DeleteOptions,
  ): Promise<{ object: StoredObject; removed: boolean }> {
    const parts = { storage: this, committer: this.#deps.committer, context: this.#context };
    return deleteObject(parts, op, namespace, name, options);
  }

  /** Runs connect admission for a streaming or proxying subresource. */
  async connect(op: Operation, namespace: string, name: string, options: KubeObject): Promise<void> {
    const { kind = "" } = options;
    const attributes = {
      ...this.#context.attributes(op, "CONNECT", namespace, name, options, undefined),
      kind: { group: "", version: "v1", kind },
      options: {},
    };
    await op.admission?.mutate(attributes);
    await op.admission?.validate(attributes);
  }

  /** Admission of an object that is created under a subresource and not stored itself (Binding, Eviction, TokenRequest); gives it as it was admitted. */
  async admitCreate(
    op: Operation,
    namespace: string,
    name: string,
    object: KubeObject,
    kind: GroupVersionKind,
  ): Promise<KubeObject> {
    const attributes = { ...this.#context.attributes(op, "CREATE", namespace, name, object, undefined), kind };
    await op.admission?.mutate(attributes);
    await op.admission?.validate(attributes);
    return attributes.object ?? object;
  }

  /** One attempt; undefined when another writer came first. */
  async #tryUpdate(
    op: Operation,
    request: UpdateRequest,
    strategy: Strategy,
    key: string,
    entry: Entry,
    decided: () => void,
  ): Promise<Entry | undefined> {
    const { info, hooks } = this.type;
    const { clock, tracker } = this.#deps;
    const { namespace, name } = request;
    const old = await this.#context.upgraded(entry);
    let next = withMetadata(await request.transform(old));
    this.#checkVersion(request, strategy, next, old);
    const { uid = "" } = next.metadata;
    if (uid !== "" && uid !== old.metadata.uid) {
      throw preconditionFailed(info, name, key, "UID", uid, old.metadata.uid ?? "");
    }
    keepSystemFields(next, old);
    if (request.raw === true) {
      if (request.managedFields === "update") tracker.onUpdate(this.type, next, old, op, clock.now());
      return this.#commitUpdate(op, key, entry, next, old, decided);
    }
    const attributes = this.#context.attributes(op, "UPDATE", namespace, name, next, old);
    if (request.managedFields !== "set-by-transform") tracker.onUpdate(this.type, next, old, op, clock.now());
    next = await mutateObject(op, attributes, next);
    keepSystemFields(next, old);
    this.type.applyDefaults(next);
    const ctx = this.#context.of(op, namespace, name);
    strategy.prepareForUpdate?.(next, old, ctx);
    attributes.object = viewOf(op, next);
    let release: Undo | undefined;
    let undo: AdmissionUndo | undefined;
    try {
      release = await hooks.beforeUpdate?.(next, old, op);
      const errors = strategy.validateUpdate?.(next, old, ctx) ?? [];
      if (errors.length > 0) throw newInvalid(info, name, errors);
      strategy.canonicalize?.(next);
      for (const text of strategy.warnings?.(next, old) ?? []) op.warn(text);
      undo = await op.admission?.validate(attributes);
      const done = await this.#commitUpdate(op, key, entry, next, old, decided);
      if (done !== undefined && done !== entry && !op.dryRun) return done;
      await release?.();
      await undo?.();
      return done;
    } catch (error) {
      // What a write took stays taken while nobody knows whether the write was made; repair loops find out.
      if (!mayHaveBeenMade(error)) {
        await release?.();
        await undo?.();
      }
      throw error;
    }
  }

  /** Writes `next` over the state of `entry`; `entry` itself when nothing changed, undefined when another writer came first. */
  async #commitUpdate(
    op: Operation,
    key: string,
    entry: Entry,
    next: StoredObject,
    old: StoredObject,
    decided: () => void,
  ): Promise<Entry | undefined> {
    const { hooks } = this.type;
    const { committer } = this.#deps;
    next.metadata.resourceVersion = old.metadata.resourceVersion ?? "";
    const same = deepEqual(next, old) || differsInTimesAlone(next, old);
    // What is stored in an earlier version is written even when nothing else changes: so storage is migrated.
    if (same && entry.object.apiVersion === next.apiVersion) {
      await committer.seen(key, entry);
      return entry;
    }
    if (op.dryRun) return detachedEntry(key, next);
    if (isFinished(next)) {
      const revision = await committer.delete(key, entry.revision);
      if (revision === undefined) return undefined;
      await hooks.afterDelete?.(next);
      return detachedEntry(key, next);
    }
    const expected = { modRevision: entry.revision, createRevision: entry.createRevision };
    const put = await committer.put(key, next, expected, {
      ttlSeconds: hooks.ttlSeconds?.(next),
      // What hooks take and give back for one write must be done before the next asks for it.
      decided: hooks.beforeUpdate === undefined && hooks.afterUpdate === undefined ? decided : undefined,
    });
    if (put !== undefined) await hooks.afterUpdate?.(put.object, old);
    return put;
  }

  #checkVersion(request: UpdateRequest, strategy: Strategy, next: StoredObject, old: StoredObject): void {
    const { info } = this.type;
    const sent = next.metadata.resourceVersion ?? "";
    if (sent === "" || sent === "0") {
      if (request.forceUnconditional === true || strategy.allowUnconditionalUpdate !== false) {
        next.metadata.resourceVersion = old.metadata.resourceVersion ?? "";
        return;
      }
      throw newInvalid(info, request.name, [
        {
          type: "FieldValueInvalid",
          field: "metadata.resourceVersion",
          badValue: 0,
          detail: "must be specified for an update",
        },
      ]);
    }
    if (sent !== old.metadata.resourceVersion) throw modified(info, request.name);
  }
}
