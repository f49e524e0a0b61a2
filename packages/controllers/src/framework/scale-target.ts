import type { CrossVersionObjectReference } from "@knots/api/autoscaling/v2";
import type { Client } from "@knots/client";
import type { KubeObject } from "@knots/machinery";

export interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas?: number; selector?: string };
}

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** Ms for which what a group serves is taken as known. */
const LIFE = 60_000;

/** Finds the resources that references mean, and reads and writes their scales. */
export class ScaleTargets {
  readonly #client: Client;
  readonly #now: () => number;
  readonly #known = new Map<string, { at: number; list: ResourceList }>();

  constructor(client: Client, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  /** "deployments.apps": the resource of a kind, with its group. Throws where there is none. */
  async groupResource({ apiVersion, kind }: CrossVersionObjectReference): Promise<string> {
    const resource = await this.#resource(apiVersion ?? "v1", kind);
    const group = (apiVersion ?? "v1").split("/").slice(0, -1).join("/");
    return group === "" ? resource : `${resource}.${group}`;
  }

  async #resource(apiVersion: string, kind: string): Promise<string> {
    const known = this.#known.get(apiVersion);
    let list = known?.list;
    if (list === undefined || this.#now() - (known?.at ?? 0) > LIFE) {
      const path = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      list = (await this.#client.request("GET", path)) as ResourceList;
      this.#known.set(apiVersion, { at: this.#now(), list });
    }
    const found = list.resources.find((each) => each.kind === kind && !each.name.includes("/"));
    if (found !== undefined) return found.name;
    this.#known.delete(apiVersion);
    throw new Error(`no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`);
  }

  async #path(namespace: string, reference: CrossVersionObjectReference): Promise<string> {
    const apiVersion = reference.apiVersion ?? "v1";
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const resource = await this.#resource(apiVersion, reference.kind);
    return `${root}/namespaces/${namespace}/${resource}/${reference.name}/scale`;
  }

  async get(namespace: string, reference: CrossVersionObjectReference): Promise<Scale> {
    return (await this.#client.request("GET", await this.#path(namespace, reference))) as Scale;
  }

  /** Refused with a Conflict where somebody else scaled meanwhile. */
  async set(namespace: string, reference: CrossVersionObjectReference, scale: Scale, replicas: number): Promise<void> {
    const body = { ...scale, spec: { ...scale.spec, replicas } };
    await this.#client.request("PUT", await this.#path(namespace, reference), { body });
  }
}
