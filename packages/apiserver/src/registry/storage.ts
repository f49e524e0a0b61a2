import {
  cloneJson,
  generateName,
  newAlreadyExists,
  newBadRequest,
  newInvalid,
  newNotFound,
  StatusError,
} from "@knots/machinery";
import type { Clock, GroupVersionKind, KubeObject } from "@knots/machinery";
import type { AdmissionAttributes, AdmissionUndo } from "../admission/types.ts";
import type { Strategy } from "../strategies/types.ts";
import { Entry } from "../watch-cache/entry.ts";
import type { ResourceCache } from "../watch-cache/resource-cache.ts";
import type { Committer } from "./committer.ts";
import { deleteObject } from "./delete-object.ts";
import { checkPreconditions, isFinished } from "./deletion.ts";
import type { DeleteOptions } from "./deletion.ts";
import type { FieldTracker } from "./field-tracker.ts";
import { keyOf } from "./keys.ts";
import { deepEqual, fillSystemFields, keepSystemFields, withMetadata } from "./metadata.ts";
import type { StoredObject } from "./metadata.ts";
import { brokenManagedFields, differsInTimesAlone } from "./managed-fields.ts";
import type { ObjectSource } from "./object-source.ts";
import type { Operation } from "./operation.ts";
import type { StoredType, Undo } from "./resource-type.ts";
import { mayHaveBeenMade } from "./store-failure.ts";
import { Turns } from "./turns.ts";
import { detachedEntry, modified, viewOf, WriteContext } from "./write-context.ts";

/** Tries for a free name under generateName, as upstream. */
const NAME_TRIES = 8;
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
  readonly #turns: Turns;

  constructor(type: StoredType, cache: ResourceCache, deps: StorageDependencies) {
    this.type = type;
    this.cache = cache;
    this.#deps = deps;
    this.#context = new WriteContext(type, deps);
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

  async create(op: Operation, namespace: string, input: KubeObject): Promise<Entry> {
    const original = withMetadata(input);
    const { name = "", generateName: base = "", resourceVersion = "" } = original.metadata;
    if (resourceVersion !== "") {
      throw new StatusError({
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message: "resourceVersion should not be set on objects to be created",
        code: 500,
      });
    }
    if (name !== "" || base === "") return this.#create(op, namespace, original);
    for (let tries = 1; ; tries++) {
      const attempt = cloneJson(original);
      attempt.metadata.name = generateName(base);
      if (tries < NAME_TRIES && this.cache.get(this.key(namespace, attempt.metadata.name)) !== undefined) continue;
      try {
        return await this.#create(op, namespace, attempt);
      } catch (error) {
        if (tries >= NAME_TRIES || (error as { reason?: string }).reason !== "AlreadyExists") throw error;
      }
    }
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
        delete object.metadata.uid;
        return { entry: await this.#create(op, request.namespace, object, request.managedFields), created: true };
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

  async #create(
    op: Operation,
    namespace: string,
    input: StoredObject,
    fields: UpdateRequest["managedFields"] = "update",
  ): Promise<Entry> {
    const { info, hooks } = this.type;
    const { committer, clock, tracker } = this.#deps;
    const strategy = this.#context.strategy(op.subresource);
    let object = input;
    if (info.namespaced) object.metadata.namespace = namespace;
    else delete object.metadata.namespace;
    fillSystemFields(object, clock.now());
    const { name = "" } = object.metadata;
    const attributes = this.#context.attributes(op, "CREATE", namespace, name, object, undefined);
    if (op.admission === undefined) this.type.applyDefaults(object);
    // What admission and the server's own rules add belongs to nobody.
    if (fields === "update") tracker.onCreate(this.type, object, op, clock.now());
    if (op.admission !== undefined) {
      object = await this.#mutate(op, attributes, object);
      if (info.namespaced && object.metadata.namespace !== namespace) throw otherNamespace();
      this.type.applyDefaults(object);
    }
    const ctx = this.#context.of(op, namespace, name);
    strategy.prepareForCreate?.(object, ctx);
    attributes.object = viewOf(op, object);
    let release: Undo | undefined;
    let undo: AdmissionUndo | undefined;
    try {
      release = await hooks.beforeCreate?.(object, op);
      const errors = strategy.validate?.(object, ctx) ?? [];
      if (errors.length > 0) throw newInvalid(info, name, errors);
      strategy.canonicalize?.(object);
      for (const text of strategy.warnings?.(object) ?? []) op.warn(text);
      undo = await op.admission?.validate(attributes);
      const key = this.key(namespace, object.metadata.name ?? "");
      if (op.dryRun) {
        if (this.cache.get(key) !== undefined) throw newAlreadyExists(info, name);
        await release?.();
        return detachedEntry(key, object);
      }
      const entry = await committer.put(key, object, { modRevision: 0 }, { ttlSeconds: hooks.ttlSeconds?.(object) });
      if (entry === undefined) throw newAlreadyExists(info, name);
      return entry;
    } catch (error) {
      // What a write took stays taken while nobody knows whether the write was made; repair loops find out.
      if (!mayHaveBeenMade(error)) {
        await release?.();
        await undo?.();
      }
      throw error;
    }
  }

  /** Mutating admission; managed fields that it broke are put back. */
  async #mutate(op: Operation, attributes: AdmissionAttributes, object: StoredObject): Promise<StoredObject> {
    if (op.admission === undefined) return object;
    const before = object.metadata.managedFields;
    await op.admission.mutate(attributes);
    const after = mutated(op, attributes, object);
    const broken = brokenManagedFields(after, before);
    if (broken === undefined) return after;
    if (before === undefined) delete after.metadata.managedFields;
    else after.metadata.managedFields = before;
    op.warn(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${broken}`,
    );
    return after;
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
    if (next.metadata.uid !== undefined && next.metadata.uid !== "" && next.metadata.uid !== old.metadata.uid) {
      checkPreconditions(info, old, { uid: next.metadata.uid });
    }
    keepSystemFields(next, old);
    if (request.raw === true) {
      if (request.managedFields === "update") tracker.onUpdate(this.type, next, old, op, clock.now());
      return this.#commitUpdate(op, key, entry, next, old, decided);
    }
    const attributes = this.#context.attributes(op, "UPDATE", namespace, name, next, old);
    if (request.managedFields !== "set-by-transform") tracker.onUpdate(this.type, next, old, op, clock.now());
    next = await this.#mutate(op, attributes, next);
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

/** The object after mutating admission. */
function mutated(op: Operation, { object: seen }: AdmissionAttributes, object: StoredObject): StoredObject {
  if (seen === undefined || op.admission === undefined) return object;
  const admitted = withMetadata(op.view === undefined ? seen : op.view.into(object, seen));
  // Identity is not admission's to give.
  const { uid, creationTimestamp } = object.metadata;
  Object.assign(admitted.metadata, { uid, creationTimestamp });
  return admitted;
}

function otherNamespace(): Error {
  return newBadRequest("the namespace of the provided object does not match the namespace sent on the request");
}
