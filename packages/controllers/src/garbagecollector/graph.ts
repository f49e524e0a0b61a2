import type { KubeObject, OwnerReference } from "@knots/machinery";
import type { ServedResource } from "../discovery/served-resources.ts";

export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

/** What the collector keeps of an object. */
export interface GraphNode {
  readonly type: ServedResource;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly owners: readonly OwnerReference[];
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
}

export function graphNode(type: ServedResource, { metadata = {} }: KubeObject): GraphNode {
  return {
    type,
    namespace: metadata.namespace ?? "",
    name: metadata.name ?? "",
    uid: metadata.uid ?? "",
    owners: metadata.ownerReferences ?? [],
    deleting: metadata.deletionTimestamp !== undefined,
    finalizers: metadata.finalizers ?? [],
  };
}

export function isForeground(node: Pick<GraphNode, "deleting" | "finalizers">): boolean {
  return node.deleting && node.finalizers.includes(FOREGROUND);
}

export function isOrphaning(node: Pick<GraphNode, "deleting" | "finalizers">): boolean {
  return node.deleting && node.finalizers.includes(ORPHAN);
}

/** The group of an apiVersion; "" for core. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
}

/**
 * Whether a reference, in an object of `namespace`, means the object that has its uid: of that kind and name, and in the
 * same namespace or in none. A dependent cannot be owned from another namespace.
 */
export function isMeant(owner: OwnerReference, namespace: string, found: GraphNode): boolean {
  const { type, name } = found;
  return (
    (found.namespace === "" || found.namespace === namespace) &&
    name === owner.name &&
    type.kind === owner.kind &&
    type.group === groupOf(owner.apiVersion)
  );
}

/** Who owns whom, by uid, as the informers have seen it. */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** Those that name `uid` as an owner. */
  dependents(uid: string): GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((each) => this.#nodes.get(each) ?? []);
  }

  /** Those that must be gone before a foreground deletion of `uid` ends. */
  blocking(uid: string): GraphNode[] {
    return this.dependents(uid).filter(({ owners }) =>
      owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true),
    );
  }

  set(node: GraphNode): void {
    this.#unlink(node.uid);
    this.#nodes.set(node.uid, node);
    for (const owner of node.owners) {
      let set = this.#dependents.get(owner.uid);
      if (set === undefined) this.#dependents.set(owner.uid, (set = new Set()));
      set.add(node.uid);
    }
  }

  remove(uid: string): void {
    this.#unlink(uid);
    this.#nodes.delete(uid);
  }

  #unlink(uid: string): void {
    for (const owner of this.#nodes.get(uid)?.owners ?? []) {
      const set = this.#dependents.get(owner.uid);
      set?.delete(uid);
      if (set?.size === 0) this.#dependents.delete(owner.uid);
    }
  }
}
