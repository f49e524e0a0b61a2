/** One watch of all bound pods, dealt out to the nodes they are bound to: a thousand nodes cost the API server one watcher. */
import type { Node, Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import type { Handler, Informer, InformerFactory } from "@knots/client";

/** Simulated nodes bear it, so that one watch sees them and no others. */
export const SIMULATED_LABEL = "knots.dev/simulated";

export class NodeFeed {
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #handlers = new Map<string, Handler<Pod>>();

  constructor(informers: InformerFactory) {
    this.#pods = informers.informer<Pod>(pods, { fieldSelector: "spec.nodeName!=" });
    this.#nodes = informers.informer<Node>(nodes, {
      labelSelector: `${SIMULATED_LABEL}=true`,
    });
    const of = (pod: Pod): Handler<Pod> | undefined => this.#handlers.get(pod.spec?.nodeName ?? "");
    this.#pods.addHandler({
      add: (pod) => of(pod)?.add?.(pod),
      update: (old, pod) => of(pod)?.update?.(old, pod),
      delete: (pod) => of(pod)?.delete?.(pod),
    });
  }

  get hasSynced(): boolean {
    return this.#pods.hasSynced;
  }

  node(name: string): Node | undefined {
    return this.#nodes.lister.get(name);
  }

  /** The pod in the API, if it is still this one. */
  pod(namespace: string, name: string, uid: string): Pod | undefined {
    const pod = this.#pods.lister.get(`${namespace}/${name}`);
    return pod?.metadata?.uid === uid ? pod : undefined;
  }

  /** Every change of a pod of that node from now on; the caller follows before the watch begins. */
  follow(nodeName: string, handler: Handler<Pod>): Disposable {
    this.#handlers.set(nodeName, handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(nodeName) };
  }
}
