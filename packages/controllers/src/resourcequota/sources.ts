import { persistentVolumeClaims, pods, services } from "@knots/api/core/v1";
import { InformerFactory, withoutManagedFields } from "@knots/client";
import type { Handler, Informer } from "@knots/client";
import type { KubeObject } from "@knots/machinery";
import { canDelete, servedResources } from "../discovery/served-resources.ts";
import type { ServedResource } from "../discovery/served-resources.ts";
import type { ControllerContext } from "../framework/types.ts";

const NAMESPACE_INDEX = "resourcequota/namespace";
const byNamespace = { [NAMESPACE_INDEX]: (object: KubeObject) => [object.metadata?.namespace ?? ""] };

/** Ms for which an answer of discovery is good: a definition made a moment ago is found in time, one never made costs little. */
const DISCOVERY_LIFE = 5000;
/** Ms in which the objects of a resource must be there once it is watched. */
const SYNC_TIMEOUT = 30_000;

/** Watched from the start: other controllers need them too. */
const SHARED: ReadonlySet<string> = new Set(["pods", "services", "persistentvolumeclaims"]);

interface Source {
  readonly informer: Informer<KubeObject>;
  dispose(): Promise<void>;
}

type Changed = (groupResource: string, old: KubeObject | undefined, object: KubeObject, gone: boolean) => void;

/**
 * The objects that quotas count, by "resource.group". What is known to matter is watched with all the manager watches; any
 * other resource only from the moment on when a quota names it, and of most such objects only their identity is kept.
 */
export class QuotaSources {
  readonly #ctx: ControllerContext;
  readonly #changed: Changed;
  readonly #sources = new Map<string, Source>();
  readonly #opening = new Map<string, Promise<boolean>>();
  readonly #closed = new AbortController();
  #served: { at: number; resources: Promise<ReadonlyMap<string, ServedResource>> } | undefined;

  constructor(ctx: ControllerContext, changed: Changed) {
    this.#ctx = ctx;
    this.#changed = changed;
    this.#share("pods", ctx.informers.informer(pods, { indexers: byNamespace }));
    this.#share("services", ctx.informers.informer(services, { indexers: byNamespace }));
    this.#share("persistentvolumeclaims", ctx.informers.informer(persistentVolumeClaims, { indexers: byNamespace }));
  }

  #share<T extends KubeObject>(resource: string, informer: Informer<T>): void {
    const subscription = informer.addHandler(this.#handler(resource));
    this.#sources.set(resource, {
      informer: informer as unknown as Informer<KubeObject>,
      dispose: () => Promise.resolve(subscription[Symbol.dispose]()),
    });
  }

  #handler(resource: string): Handler<KubeObject> {
    return {
      add: (object) => this.#changed(resource, undefined, object, false),
      update: (old, object) => this.#changed(resource, old, object, false),
      delete: (object) => this.#changed(resource, undefined, object, true),
    };
  }

  /** Objects of a resource that was opened; undefined for any other. */
  list(resource: string, namespace: string): readonly KubeObject[] | undefined {
    return this.#sources.get(resource)?.informer.lister.byIndex(NAMESPACE_INDEX, namespace);
  }

  /** Watches the resource from now on, and resolves once its objects are known. False: it is not served, or cannot be watched. */
  async open(resource: string): Promise<boolean> {
    if (this.#sources.has(resource)) return true;
    let opening = this.#opening.get(resource);
    if (opening === undefined) {
      opening = this.#open(resource).finally(() => this.#opening.delete(resource));
      this.#opening.set(resource, opening);
    }
    return opening;
  }

  async #open(resource: string): Promise<boolean> {
    const type = (await this.#discover()).get(resource);
    if (type === undefined) return false;
    const { client, clock, logger } = this.#ctx;
    const factory = new InformerFactory(client, { clock, logger, transform: withoutManagedFields });
    const informer = factory.informer<KubeObject>(type, {
      indexers: byNamespace,
      ...(resource === "resourceclaims.resource.k8s.io" ? {} : { transform: identityOnly }),
    });
    factory.start();
    // What was served a moment ago may not be any more: then its objects never come, and the next look begins anew.
    const abort = new AbortController();
    const timer = clock.setTimeout(() => abort.abort(), SYNC_TIMEOUT);
    try {
      await factory.waitForSync(AbortSignal.any([abort.signal, this.#closed.signal]));
    } catch (error) {
      await factory[Symbol.asyncDispose]();
      throw error;
    } finally {
      timer.cancel();
    }
    informer.addHandler(this.#handler(resource));
    this.#sources.set(resource, { informer, dispose: () => factory[Symbol.asyncDispose]() });
    return true;
  }

  #discover(): Promise<ReadonlyMap<string, ServedResource>> {
    const now = this.#ctx.clock.monotonic();
    if (this.#served === undefined || now - this.#served.at > DISCOVERY_LIFE) {
      const resources = servedResources(this.#ctx.client).then(
        (served) =>
          new Map(
            served.resources
              .filter((each) => each.namespaced && each.verbs.includes("create") && canDelete(each))
              .map((each) => [each.group === "" ? each.resource : `${each.resource}.${each.group}`, each]),
          ),
      );
      this.#served = { at: now, resources };
      // An error is for those who wait for it; the next one asks anew.
      resources.catch(() => (this.#served = undefined));
    }
    return this.#served.resources;
  }

  /** Stops watching what no quota names any more, or is not served any more. */
  async close(needed: ReadonlySet<string>): Promise<void> {
    const lazily = [...this.#sources].filter(([resource]) => !SHARED.has(resource));
    if (lazily.length === 0) return;
    const served = await this.#discover();
    for (const [resource, source] of lazily) {
      if (needed.has(resource) && served.has(resource)) continue;
      this.#sources.delete(resource);
      await source.dispose();
    }
  }

  async dispose(): Promise<void> {
    this.#closed.abort();
    await Promise.allSettled(this.#opening.values());
    const sources = [...this.#sources.values()];
    this.#sources.clear();
    await Promise.all(sources.map((source) => source.dispose()));
  }
}

/** All that counting objects needs. */
function identityOnly({ metadata = {} }: KubeObject): KubeObject {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = metadata;
  return { metadata: { name, namespace, uid, resourceVersion } };
}
