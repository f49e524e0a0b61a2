import type { Namespace } from "@knots/api/core/v1";
import { namespaces } from "@knots/api/core/v1";
import { formatTime, isNotFound } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { canDelete, servedResources, type ServedResource } from "../discovery/served-resources.ts";
import { semanticEqual } from "../framework/equality.ts";
import { metaOf } from "../framework/objects.ts";
import { concurrency } from "../framework/options.ts";
import { messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { terminationConditions, type ContentReport } from "./conditions.ts";

const FINALIZER = "kubernetes";
/** Ms until a namespace is looked at again whose content takes its time (pods with a grace period, finalizers of others). */
const AGAIN = 1000;

/** Empties namespaces that are being deleted, then lets them go. */
class NamespaceController {
  readonly #ctx: ControllerContext;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
  }

  async reconcile(name: string): Promise<void | { requeueAfterMs: number }> {
    const client = this.#ctx.client.resource(namespaces);
    let namespace: Namespace;
    try {
      namespace = await client.get(name);
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    if (namespace.metadata?.deletionTimestamp === undefined) return;
    if ((namespace.spec?.finalizers ?? []).length === 0) return;
    const report = await this.#empty(name);
    const conditions = terminationConditions(
      report,
      namespace.status?.conditions ?? [],
      formatTime(new Date(this.#ctx.clock.now())),
    );
    const status = { ...namespace.status, phase: "Terminating", conditions };
    const left = report.remaining.size + report.discoveryErrors.length + report.deletionErrors.length;
    if (left > 0) {
      if (!semanticEqual(status, namespace.status)) await client.updateStatus({ ...namespace, status });
      return { requeueAfterMs: AGAIN };
    }
    const finalizers = (namespace.spec?.finalizers ?? []).filter((each) => each !== FINALIZER);
    const body = { ...namespace, spec: { ...namespace.spec, finalizers } };
    try {
      await this.#ctx.client.request("PUT", `/api/v1/namespaces/${name}/finalize`, { body });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Deletes what is there and tells what is left: the pods first, for what they use must outlive them. */
  async #empty(name: string): Promise<ContentReport> {
    const { resources, failed } = await servedResources(this.#ctx.client);
    const own = resources.filter((each) => each.namespaced && canDelete(each));
    const remaining = new Map<string, number>();
    const finalizers = new Map<string, number>();
    const deletionErrors: string[] = [];
    const pass = async (some: readonly ServedResource[]): Promise<void> => {
      await Promise.all(
        some.map(async (resource) => {
          try {
            const left = await this.#deleteAll(resource, name);
            if (left.length > 0) remaining.set(`${resource.resource}.${resource.group}`, left.length);
            for (const object of left)
              for (const each of object.metadata?.finalizers ?? [])
                finalizers.set(each, (finalizers.get(each) ?? 0) + 1);
          } catch (error) {
            deletionErrors.push(messageOf(error));
          }
        }),
      );
    };
    const isPods = ({ group, resource }: ServedResource): boolean => group === "" && resource === "pods";
    await pass(own.filter(isPods));
    if (remaining.size === 0 && deletionErrors.length === 0) await pass(own.filter((each) => !isPods(each)));
    return { discoveryErrors: failed, deletionErrors, remaining, finalizers };
  }

  async #deleteAll(resource: ServedResource, namespace: string): Promise<KubeObject[]> {
    const client = this.#ctx.client.resource(resource, namespace);
    const found = (await client.list({})).items;
    if (found.length === 0) return [];
    const waiting = found.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    if (resource.verbs.includes("deletecollection")) {
      if (waiting.length > 0) await client.deleteCollection({ propagationPolicy: "Background" }, {});
    } else {
      for (const object of waiting) {
        try {
          await client.delete(metaOf(object).name, { propagationPolicy: "Background" });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }
    }
    return (await client.list({})).items;
  }
}

export const namespaceController: ControllerInitializer = {
  name: "namespace-controller",
  enabledByDefault: true,
  init(ctx) {
    const work = new NamespaceController(ctx);
    const controller = new QueueController({
      name: "namespace-controller",
      ctx,
      workers: concurrency(ctx.options, "namespace"),
      maxDelayMs: 60_000,
      reconcile: (name) => work.reconcile(name),
    });
    const look = (namespace: Namespace): void => {
      if (namespace.metadata?.deletionTimestamp !== undefined) controller.enqueue(namespace);
    };
    controller.own(ctx.informers.informer(namespaces).addHandler({ add: look, update: (_old, next) => look(next) }));
    return controller;
  },
};
