import { customResourceDefinitions } from "@knots/api/apiextensions/v1";
import { compactor, InformerFactory } from "@knots/client";
import { isNotFound } from "@knots/machinery";
import type { KubeObject, OwnerReference, Timer } from "@knots/machinery";
import { canDelete, servedResources, type ServedResource } from "../discovery/served-resources.ts";
import { concurrency } from "../framework/options.ts";
import { messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { Controller, ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { decide, type OwnerState } from "./decide.ts";
import {
  FOREGROUND,
  graphNode,
  groupOf,
  isForeground,
  isMeant,
  isOrphaning,
  ORPHAN,
  OwnerGraph,
  type GraphNode,
} from "./graph.ts";

const NAME = "garbage-collector-controller";
/** Ms between a change of the definitions and the look at what is served now. */
const REFRESH = 500;
const RETRY_REFRESH = 5000;

/** Deletes what nobody owns any more, and carries out foreground deletion and orphaning. */
class GarbageCollector implements Controller {
  readonly name = NAME;
  readonly #ctx: ControllerContext;
  readonly #graph = new OwnerGraph();
  readonly #queue: QueueController;
  readonly #definitions: Disposable;
  readonly #watched = new Map<string, { type: ServedResource; informers: InformerFactory }>();
  #types = new Map<string, ServedResource>();
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#queue = new QueueController({
      name: NAME,
      ctx,
      workers: concurrency(ctx.options, "gc"),
      reconcile: (key) => this.#reconcile(key),
    });
    const changed = (): void => this.#refreshAfter(REFRESH);
    this.#definitions = ctx.informers
      .informer(customResourceDefinitions)
      .addHandler({ add: changed, update: changed, delete: changed });
  }

  /** Begins to watch; nothing is decided before every type has been seen once. */
  start(): void {
    this.#refreshAfter(0, () => this.#queue.start());
  }

  #refreshAfter(ms: number, then?: () => void): void {
    if (this.#closed) return;
    // The first look, which starts the workers, is not pushed back by those that follow.
    if (then === undefined && this.#types.size === 0) return;
    this.#timer?.cancel();
    this.#timer = this.#ctx.clock.setTimeout(() => {
      this.#work = this.#work.then(async () => {
        try {
          await this.#refresh();
          then?.();
        } catch (error) {
          if (this.#closed) return;
          this.#ctx.logger.warn({ error: messageOf(error) }, "cannot learn what is served; trying again");
          this.#refreshAfter(RETRY_REFRESH, then);
        }
      });
    }, ms);
  }

  async #refresh(): Promise<void> {
    const { resources, failed } = await servedResources(this.#ctx.client);
    const wanted = new Map(
      resources
        // Events own nothing, are owned by nobody, and are many.
        .filter((each) => canDelete(each) && each.resource !== "events")
        .map((each) => [`${each.group}/${each.resource}`, each]),
    );
    this.#types = new Map(resources.map((each) => [`${each.group}/${each.kind}`, each]));
    for (const [key, { informers }] of this.#watched) {
      if (wanted.has(key) || failed.length > 0) continue;
      this.#watched.delete(key);
      await informers[Symbol.asyncDispose]();
    }
    const fresh: InformerFactory[] = [];
    for (const [key, type] of wanted) if (!this.#watched.has(key)) fresh.push(this.#watch(key, type));
    await Promise.all(fresh.map((informers) => informers.waitForSync()));
  }

  #watch(key: string, type: ServedResource): InformerFactory {
    const { client, clock, logger } = this.#ctx;
    const informers = new InformerFactory(client, { clock, logger, transform: compactor() });
    const informer = informers.informer<KubeObject>(type, { transform: metadataOnly });
    const seen = (object: KubeObject): void => this.#seen(graphNode(type, object));
    informer.addHandler({ add: seen, update: (_old, next) => seen(next), delete: (object) => this.#gone(object) });
    this.#watched.set(key, { type, informers });
    informers.start();
    return informers;
  }

  #seen(node: GraphNode): void {
    const old = this.#graph.get(node.uid);
    this.#graph.set(node);
    if (old === undefined || JSON.stringify(old.owners) !== JSON.stringify(node.owners)) {
      if (node.owners.length > 0) this.#queue.queue.add(`check ${node.uid}`);
      // Who waited for this object may not have to any more.
      this.#ownersMayGo(old);
    }
    if (isForeground(node)) this.#queue.queue.add(`foreground ${node.uid}`);
    if (isOrphaning(node)) this.#queue.queue.add(`orphan ${node.uid}`);
  }

  #gone(object: KubeObject): void {
    const uid = object.metadata?.uid ?? "";
    const node = this.#graph.get(uid);
    this.#graph.remove(uid);
    for (const dependent of this.#graph.dependents(uid)) this.#queue.queue.add(`check ${dependent.uid}`);
    this.#ownersMayGo(node);
  }

  #ownersMayGo(node: GraphNode | undefined): void {
    for (const owner of node?.owners ?? []) {
      const found = this.#graph.get(owner.uid);
      if (found !== undefined && isForeground(found)) this.#queue.queue.add(`foreground ${owner.uid}`);
    }
  }

  async #reconcile(key: string): Promise<void> {
    const [action = "", uid = ""] = key.split(" ");
    const node = this.#graph.get(uid);
    if (node === undefined) return;
    try {
      if (action === "check") await this.#check(node);
      else if (action === "foreground") await this.#foreground(node);
      else await this.#orphan(node);
    } catch (error) {
      // Gone meanwhile: its event takes it out of the graph.
      if (!isNotFound(error)) throw error;
    }
  }

  #client(node: Pick<GraphNode, "type" | "namespace">) {
    return this.#ctx.client.resource(node.type, node.type.namespaced ? node.namespace : undefined);
  }

  async #check(node: GraphNode): Promise<void> {
    if (node.deleting && !isForeground(node)) return;
    const live = graphNode(node.type, await this.#client(node).get(node.name));
    if (live.uid !== node.uid || live.deleting || live.owners.length === 0) return;
    const owners = await Promise.all(
      live.owners.map(async (reference) => ({ reference, state: await this.#ownerState(live, reference) })),
    );
    const dependents = this.#graph.dependents(node.uid);
    const decision = decide(owners, {
      finalizers: live.finalizers,
      hasDependents: dependents.length > 0,
      dependentsWait: dependents.some(isForeground),
    });
    if (decision.action === "release") {
      await this.#release(live, new Set(decision.owners.map(({ uid }) => uid)));
    } else if (decision.action === "delete") {
      if (decision.unblock === true) await this.#unblock(live);
      await this.#client(node).delete(node.name, {
        propagationPolicy: decision.policy,
        preconditions: { uid: node.uid },
      });
    }
  }

  async #ownerState(node: GraphNode, owner: OwnerReference): Promise<OwnerState> {
    const known = this.#graph.get(owner.uid);
    if (known !== undefined && isMeant(owner, node.namespace, known)) return isForeground(known) ? "waiting" : "solid";
    // An owner of that uid elsewhere, or under another name, is none: only what the reference says is asked for.
    if (node.namespace !== "" && known?.type.namespaced === true && known.namespace !== node.namespace)
      this.#tellWrongNamespace(node, owner);
    const type = this.#types.get(`${groupOf(owner.apiVersion)}/${owner.kind}`);
    // A kind nobody serves (any more, or yet) proves nothing about its objects.
    if (type === undefined) throw new Error(`no matches for kind "${owner.kind}" in version "${owner.apiVersion}"`);
    // Where it would have to be looked for nobody can say, so nothing is ever deleted for it.
    if (type.namespaced && node.namespace === "") {
      this.#tellWrongNamespace(node, owner);
      return "solid";
    }
    try {
      const found = await this.#client({ type, namespace: node.namespace }).get(owner.name);
      if (found.metadata?.uid !== owner.uid) return "absent";
      return isForeground(graphNode(type, found)) ? "waiting" : "solid";
    } catch (error) {
      if (isNotFound(error)) return "absent";
      throw error;
    }
  }

  #tellWrongNamespace({ type, namespace, name, uid }: GraphNode, owner: OwnerReference): void {
    const apiVersion = type.group === "" ? type.version : `${type.group}/${type.version}`;
    this.#ctx
      .recorder("garbage-collector-controller")
      .event(
        { apiVersion, kind: type.kind, namespace, name, uid },
        "Warning",
        "OwnerRefInvalidNamespace",
        `ownerRef [${owner.apiVersion}/${owner.kind}, namespace: ${namespace}, name: ${owner.name}, uid: ${owner.uid}] does not exist in namespace "${namespace}"`,
      );
  }

  async #release(node: GraphNode, owners: ReadonlySet<string>): Promise<void> {
    const live = await this.#client(node).get(node.name);
    if (live.metadata?.uid !== node.uid) return;
    const ownerReferences = (live.metadata.ownerReferences ?? []).filter(({ uid }) => !owners.has(uid));
    const { resourceVersion } = live.metadata;
    await this.#client(node).patch(node.name, { metadata: { resourceVersion, ownerReferences } }, { type: "merge" });
  }

  /** Lets the object's owners be deleted before it. */
  async #unblock(node: GraphNode): Promise<void> {
    const live = await this.#client(node).get(node.name);
    if (live.metadata?.uid !== node.uid) return;
    const { resourceVersion, ownerReferences = [] } = live.metadata;
    if (ownerReferences.every(({ blockOwnerDeletion }) => blockOwnerDeletion !== true)) return;
    const unblocked = ownerReferences.map((each) => ({ ...each, blockOwnerDeletion: false }));
    const metadata = { resourceVersion, ownerReferences: unblocked };
    await this.#client(node).patch(node.name, { metadata }, { type: "merge" });
  }

  async #foreground(node: GraphNode): Promise<void> {
    const blocking = this.#graph.blocking(node.uid);
    for (const dependent of this.#graph.dependents(node.uid))
      if (!dependent.deleting) this.#queue.queue.add(`check ${dependent.uid}`);
    if (blocking.length === 0) await this.#removeFinalizer(node, FOREGROUND);
  }

  async #orphan(node: GraphNode): Promise<void> {
    for (const dependent of this.#graph.dependents(node.uid)) {
      try {
        await this.#release(dependent, new Set([node.uid]));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    await this.#removeFinalizer(node, ORPHAN);
  }

  async #removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    const live = await this.#client(node).get(node.name);
    if (live.metadata?.uid !== node.uid || !(live.metadata.finalizers ?? []).includes(finalizer)) return;
    const finalizers = (live.metadata.finalizers ?? []).filter((each) => each !== finalizer);
    const { resourceVersion } = live.metadata;
    await this.#client(node).patch(node.name, { metadata: { resourceVersion, finalizers } }, { type: "merge" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#definitions[Symbol.dispose]();
    this.#timer?.cancel();
    const watched = [...this.#watched.values()];
    await Promise.all(watched.map(({ informers }) => informers[Symbol.asyncDispose]()));
    await this.#work;
    await this.#queue[Symbol.asyncDispose]();
  }
}

/** All that the graph needs of an object; the rest is not kept. */
function metadataOnly({ metadata = {} }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, ownerReferences, deletionTimestamp, finalizers } = metadata;
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(finalizers === undefined ? {} : { finalizers }),
    },
  };
}

export const garbageCollectorController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new GarbageCollector(ctx),
};
