import { RESOURCES, applySchemaDefaults, schemaFor } from "@knots/api";
import type { ResourceInfo } from "@knots/api";
import { tableOf } from "@knots/machinery";
import type { KubeObject, ResourceType } from "@knots/machinery";
import { strategyFor } from "../strategies/index.ts";
import type { UserInfo } from "../auth/types.ts";
import type { Cacher } from "../watch-cache/cacher.ts";
import type { ResourceCache, ResourceCacheOptions } from "../watch-cache/resource-cache.ts";
import { converterFor } from "./conversions.ts";
import { builtInPrefix, groupResource, keyOf } from "./keys.ts";
import type { ObjectEvent, ObjectSource } from "./object-source.ts";
import type { Operation } from "./operation.ts";
import type { StorageHooks, StoredType } from "./resource-type.ts";
import type { ServedResource } from "./served.ts";
import { ResourceStorage } from "./storage.ts";
import type { StorageDependencies } from "./storage.ts";
import { builtInVersions } from "./versions.ts";

/** Kinds whose DELETE answers with the object (upstream: ReturnDeletedObject). */
const RETURNS_DELETED = new Set([
  "pods",
  "services",
  "namespaces",
  "podtemplates",
  "serviceaccounts",
  "resourcequotas",
  "persistentvolumes",
  "persistentvolumeclaims",
  "storageclasses.storage.k8s.io",
  "csidrivers.storage.k8s.io",
  "csinodes.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
]);

/** Resources served in several versions: the one whose storage the others share. */
const STORAGE_OF: Readonly<Record<string, { group: string; version: string }>> = {
  "events.events.k8s.io": { group: "", version: "v1" },
  "horizontalpodautoscalers.autoscaling": { group: "autoscaling", version: "v2" },
};

/** The server itself, as a writer. */
export const SYSTEM_USER: UserInfo = { name: "system:apiserver", groups: ["system:masters", "system:authenticated"] };

const NO_HOOKS: StorageHooks = {};

/** Longer lists would keep too many objects decoded. */
const REMEMBERED = 100;

/** What every use of a built-in resource that has had its day is told. */
const DEPRECATED: Readonly<Record<string, string>> = tableOf({
  endpoints: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
});

/** All resources that requests can address, with their storages; also what the server's own parts read objects from. */
export class Registry implements ObjectSource {
  /** Whole lists that were asked for, as long as nothing has changed since. */
  readonly #lists = new WeakMap<ResourceCache, { readonly changes: number; readonly objects: readonly KubeObject[] }>();
  readonly #cacher: Cacher;
  readonly #deps: Omit<StorageDependencies, "objects">;
  /** By "group/version/resource". */
  readonly #served = new Map<string, ServedResource>();
  /** By "resource.group". */
  readonly #storages = new Map<string, ResourceStorage>();
  /** Resources that are answered without being stored (reviews, bindings). */
  readonly #virtual: ResourceInfo[] = [];

  /** `hooks` by "resource.group": allocation and the like. */
  constructor(cacher: Cacher, deps: Omit<StorageDependencies, "objects">, hooks: ReadonlyMap<string, StorageHooks>) {
    this.#cacher = cacher;
    this.#deps = deps;
    for (const info of RESOURCES) {
      if (!isStored(info)) this.#virtual.push(info);
      else if (this.#isStorageVersion(info)) this.#addStorage(info, hooks.get(groupResource(info)) ?? NO_HOOKS);
    }
    for (const info of RESOURCES) if (isStored(info)) this.#serve(info);
  }

  /** The resource at a path; undefined when there is none. */
  served(group: string, version: string, resource: string): ServedResource | undefined {
    return this.#served.get(`${group}/${version}/${resource}`);
  }

  /** Every served resource, for discovery. */
  all(): Iterable<ServedResource> {
    return this.#served.values();
  }

  /** Resources that exist for discovery but keep no objects. */
  virtual(): readonly ResourceInfo[] {
    return this.#virtual;
  }

  /** The storage of a type, for the server's own writers. Throws when there is no such type. */
  storageFor(type: { group: string; resource: string }): ResourceStorage {
    const storage = this.#storages.get(storageName(type));
    if (storage === undefined) throw new Error(`no storage for ${groupResource(type)}`);
    return storage;
  }

  /** An operation of the server itself: not admitted, not authorized. */
  system(subresource = "", fieldManager = "kube-apiserver"): Operation {
    return {
      user: SYSTEM_USER,
      subresource,
      dryRun: false,
      fieldManager,
      options: {},
      admission: undefined,
      warn: () => undefined,
    };
  }

  /** Makes a custom resource's storage, filled from the store. */
  async addCustom(type: StoredType): Promise<ResourceStorage> {
    const cache = this.#cacher.add(type.prefix, cacheOptions(type));
    const storage = new ResourceStorage(type, cache, { ...this.#deps, objects: this });
    await this.#cacher.load(cache);
    this.#storages.set(groupResource(type.info), storage);
    return storage;
  }

  serveCustom(served: ServedResource): void {
    const { group, version, resource } = served.info;
    this.#served.set(`${group}/${version}/${resource}`, served);
  }

  stopServing(group: string, version: string, resource: string): void {
    this.#served.delete(`${group}/${version}/${resource}`);
  }

  removeCustom(info: { group: string; resource: string }): void {
    const name = groupResource(info);
    const storage = this.#storages.get(name);
    if (storage !== undefined) this.#cacher.remove(storage.type.prefix);
    this.#storages.delete(name);
  }

  // ObjectSource

  get<T extends KubeObject>(type: ResourceType<T>, namespace: string | undefined, name: string): T | undefined {
    const { cache } = this.storageFor(type);
    return cache.get(keyOf(cache.prefix, namespace, name))?.object as T | undefined;
  }

  list<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[] {
    const { cache } = this.storageFor(type);
    if (cache.size === 0) return [];
    if (namespace !== undefined && namespace !== "") {
      return Array.from(cache.scan(`${cache.prefix}${namespace}/`), (entry) => entry.object as T);
    }
    // Admission asks on every request for what hardly ever changes: classes, policies, webhooks.
    const known = this.#lists.get(cache);
    if (known?.changes === cache.changes) return known.objects as readonly T[];
    const objects = Array.from(cache.scan(cache.prefix), (entry) => entry.object as T);
    if (objects.length <= REMEMBERED) this.#lists.set(cache, { changes: cache.changes, objects });
    return objects;
  }

  subscribe<T extends KubeObject>(type: ResourceType<T>, fn: (event: ObjectEvent<T>) => void): Disposable {
    return this.storageFor(type).cache.subscribe("", {
      onEvent: ({ entry, previous, deleted }) =>
        fn({
          type: deleted ? "deleted" : previous === undefined ? "added" : "modified",
          object: entry.object as T,
          ...(previous === undefined ? {} : { previous: previous.object as T }),
        }),
    });
  }

  #isStorageVersion(info: ResourceInfo): boolean {
    const storage = STORAGE_OF[groupResource(info)];
    return storage === undefined || (storage.group === info.group && storage.version === info.version);
  }

  #addStorage(info: ResourceInfo, hooks: StorageHooks): void {
    const schema = schemaFor(info);
    const strategy = strategyFor(info);
    const type: StoredType = {
      info,
      prefix: builtInPrefix(info),
      schema,
      strategy,
      versions: builtInVersions(
        info,
        (other) => isStored(other) && other.resource === info.resource && storageName(other) === groupResource(info),
      ),
      applyDefaults(object) {
        if (schema !== undefined) applySchemaDefaults(schema, object);
        strategy.defaults?.(object);
      },
      hooks,
      returnsDeleted: RETURNS_DELETED.has(groupResource(info)),
      ...(groupResource(info) === "pods" ? { triggers: nodeTriggers } : {}),
    };
    const cache = this.#cacher.add(type.prefix, cacheOptions(type));
    this.#storages.set(groupResource(info), new ResourceStorage(type, cache, { ...this.#deps, objects: this }));
  }

  #serve(info: ResourceInfo): void {
    const storage = this.storageFor(info);
    const converter = this.#isStorageVersion(info) ? undefined : converterFor(info);
    const schema = converter === undefined ? storage.type.schema : schemaFor(info);
    const deprecated = DEPRECATED[groupResource(info)];
    const applyDefaults =
      converter === undefined
        ? (object: KubeObject) => storage.type.applyDefaults(object)
        : (object: KubeObject) => {
            if (schema !== undefined) applySchemaDefaults(schema, object);
          };
    this.#served.set(`${info.group}/${info.version}/${info.resource}`, {
      info,
      storage,
      converter,
      schema,
      ...(deprecated === undefined ? {} : { warning: deprecated }),
      custom: false,
      applyDefaults,
    });
  }
}

/** Reviews and bindings are only created, component statuses only read: neither is kept. */
function isStored({ verbs }: ResourceInfo): boolean {
  return verbs.includes("create") && verbs.includes("watch");
}

function storageName(type: { group: string; resource: string }): string {
  const name = groupResource(type);
  const storage = STORAGE_OF[name];
  return storage === undefined ? name : groupResource({ group: storage.group, resource: type.resource });
}

/** Kubelets watch the pods of their own node. */
function nodeTriggers(object: KubeObject): string[] {
  const { nodeName } = (object as { spec?: { nodeName?: string } }).spec ?? {};
  return nodeName === undefined || nodeName === "" ? [] : [`node:${nodeName}`];
}

/** What has a time to live (Events) is there in great numbers, and seldom read. */
function cacheOptions({ triggers, hooks }: StoredType): Omit<ResourceCacheOptions, "read"> {
  return { triggers, seldomRead: hooks.ttlSeconds !== undefined };
}
