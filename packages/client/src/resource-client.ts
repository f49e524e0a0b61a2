// The verbs on one resource.
import type { KubeObject, ResourceType } from "@knots/machinery";
import { responseError, type Client } from "./client.ts";
import { jsonLines } from "./json-lines.ts";

export interface ListMeta {
  resourceVersion?: string;
  continue?: string;
  remainingItemCount?: number;
}

export interface List<T> {
  items: T[];
  metadata: ListMeta;
}

export interface ListOptions {
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: "Exact" | "NotOlderThan";
  signal?: AbortSignal | undefined;
}

export interface WatchOptions {
  resourceVersion?: string;
  labelSelector?: string;
  fieldSelector?: string;
  allowWatchBookmarks?: boolean;
  timeoutSeconds?: number;
  sendInitialEvents?: boolean;
  resourceVersionMatch?: string;
  signal?: AbortSignal | undefined;
}

export interface WatchEvent<T> {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: T;
}

export interface WriteOptions {
  dryRun?: boolean;
  fieldManager?: string;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: "Foreground" | "Background" | "Orphan";
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: boolean;
}

const PATCH_TYPES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

function writeQuery(options: WriteOptions | undefined): Record<string, string | undefined> {
  return { dryRun: options?.dryRun === true ? "All" : undefined, fieldManager: options?.fieldManager };
}

export class ResourceClient<T extends KubeObject> {
  readonly #client: Client;
  readonly #type: ResourceType<T>;
  readonly #base: string;

  constructor(client: Client, type: ResourceType<T>, namespace: string | undefined) {
    this.#client = client;
    this.#type = type;
    const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
    this.#base = `${root}${namespace === undefined || namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`}/${type.resource}`;
  }

  #path(name: string, subresource?: string): string {
    return `${this.#base}/${encodeURIComponent(name)}${subresource === undefined ? "" : `/${subresource}`}`;
  }

  get #apiVersion(): string {
    return this.#type.group === "" ? this.#type.version : `${this.#type.group}/${this.#type.version}`;
  }

  /** Bodies say what they are, whatever the caller left out. */
  #body(object: T): T {
    return { apiVersion: this.#apiVersion, kind: this.#type.kind, ...object };
  }

  async get(name: string, options?: { resourceVersion?: string; signal?: AbortSignal }): Promise<T> {
    return (await this.#client.request("GET", this.#path(name), {
      query: { resourceVersion: options?.resourceVersion },
      signal: options?.signal,
    })) as T;
  }

  async list(options: ListOptions = {}): Promise<List<T>> {
    const { signal, ...query } = options;
    const answer = (await this.#client.request("GET", this.#base, { query, signal })) as List<T>;
    // Items of a list bear no type of their own on the wire.
    for (const item of answer.items) {
      item.apiVersion ??= this.#apiVersion;
      item.kind ??= this.#type.kind;
    }
    return answer;
  }

  async create(object: T, options?: WriteOptions): Promise<T> {
    return (await this.#client.request("POST", this.#base, {
      body: this.#body(object),
      query: writeQuery(options),
    })) as T;
  }

  async update(object: T, options?: WriteOptions): Promise<T> {
    return (await this.#client.request("PUT", this.#path(object.metadata?.name ?? ""), {
      body: this.#body(object),
      query: writeQuery(options),
    })) as T;
  }

  async updateStatus(object: T, options?: WriteOptions): Promise<T> {
    return await this.updateSubresource("status", object, options);
  }

  async updateSubresource(subresource: string, object: T, options?: WriteOptions): Promise<T> {
    return (await this.#client.request("PUT", this.#path(object.metadata?.name ?? "", subresource), {
      body: this.#body(object),
      query: writeQuery(options),
    })) as T;
  }

  async patch(
    name: string,
    body: object,
    options: { type: keyof typeof PATCH_TYPES; subresource?: string } & WriteOptions,
  ): Promise<T> {
    return (await this.#client.request("PATCH", this.#path(name, options.subresource), {
      body,
      contentType: PATCH_TYPES[options.type],
      query: writeQuery(options),
    })) as T;
  }

  /** Server-side apply. */
  async apply(
    object: T,
    options: { fieldManager: string; force?: boolean; subresource?: string; dryRun?: boolean },
  ): Promise<T> {
    return (await this.#client.request("PATCH", this.#path(object.metadata?.name ?? "", options.subresource), {
      body: this.#body(object),
      contentType: "application/apply-patch+yaml",
      query: { ...writeQuery(options), force: options.force },
    })) as T;
  }

  async delete(name: string, options: DeleteOptions = {}): Promise<unknown> {
    return await this.#client.request("DELETE", this.#path(name), { body: deleteBody(options) });
  }

  async deleteCollection(options: DeleteOptions = {}, list: ListOptions = {}): Promise<unknown> {
    const { signal, ...query } = list;
    return await this.#client.request("DELETE", this.#base, { body: deleteBody(options), query, signal });
  }

  async createSubresource(name: string, subresource: string, object: object): Promise<unknown> {
    return await this.#client.request("POST", this.#path(name, subresource), { body: object });
  }

  async getSubresource(name: string, subresource: string): Promise<unknown> {
    return await this.#client.request("GET", this.#path(name, subresource));
  }

  /** Events until the server ends the watch or the signal aborts. Throws StatusError when it cannot begin, Error when the connection breaks. */
  async *watch(options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>> {
    const { signal, ...query } = options;
    const exchange = await this.#client.rawRequest("GET", this.#base, {
      query: { ...query, watch: true },
      signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
    if (exchange.status !== 200) throw await responseError(exchange);
    try {
      for await (const line of jsonLines(exchange.body)) yield line as WatchEvent<T>;
    } finally {
      exchange.body.close();
    }
  }
}

function deleteBody(options: DeleteOptions): object {
  const { dryRun, ...rest } = options;
  return { apiVersion: "v1", kind: "DeleteOptions", ...rest, ...(dryRun === true ? { dryRun: ["All"] } : {}) };
}
