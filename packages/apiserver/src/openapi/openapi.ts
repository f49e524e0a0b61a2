import { createHash } from "node:crypto";
import {
  encodeOpenapiV2,
  openapiV2,
  openapiV2Protobuf,
  openapiV2Text,
  encodeOpenapiV3,
  openapiV3Index,
  openapiV3Protobuf,
  openapiV3Text,
} from "@knots/api";
import { mergeDefinitions } from "../aggregation/merge-openapi.ts";
import { parseAccept } from "../http/negotiate.ts";
import { sendExactly } from "../http/respond.ts";
import type { ApiResponse, RequestContext } from "../http/types.ts";

interface Document {
  readonly bytes: Uint8Array;
  readonly hash: string;
}

/** Where custom resources add their part to the documents. */
export interface OpenApiSource {
  /** By path as in the index ("apis/example.com/v1"). */
  v3(): ReadonlyMap<string, object>;
  /** Definitions and paths to merge into the v2 document. */
  v2(): { readonly definitions: Record<string, unknown>; readonly paths: Record<string, unknown> };
}

/** Several sources as one; earlier ones win. */
export function combineSources(sources: readonly OpenApiSource[]): OpenApiSource {
  return {
    v3: () => new Map(sources.toReversed().flatMap((source) => [...source.v3()])),
    v2() {
      const merged = { definitions: {}, paths: {} };
      for (const source of sources.toReversed()) {
        const { definitions, paths } = source.v2();
        Object.assign(merged.definitions, definitions);
        Object.assign(merged.paths, paths);
      }
      return merged;
    },
  };
}

const encoder = new TextEncoder();

const JSON_TYPE = "application/json";
/** The name of a protobuf form, and the old one that it is asked for by, too. */
const V2_PROTOBUF = [
  "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
  "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
] as const;
const V3_PROTOBUF = [
  "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
  "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
] as const;

/** /openapi/v2 and /openapi/v3: built-in documents as they were generated, custom ones merged in. */
export class OpenApi {
  readonly #custom: OpenApiSource | undefined;
  readonly #documents = new Map<string, Document>();

  constructor(custom?: OpenApiSource) {
    this.#custom = custom;
  }

  /** To be called when custom resources change. */
  invalidate(): void {
    this.#documents.clear();
  }

  /** False when the path is not of OpenAPI. */
  handle(ctx: RequestContext): boolean {
    const { path, query } = ctx.info;
    if (path === "/openapi/v2") {
      this.#sendV2(ctx);
      return true;
    }
    if (path === "/openapi/v3") {
      const index = this.#document("v3", () => JSON.stringify(this.#index()));
      this.#send(ctx, index, { immutable: false });
      return true;
    }
    if (!path.startsWith("/openapi/v3/")) return false;
    this.#sendV3(ctx, path.slice("/openapi/v3/".length), query.get("hash") ?? "");
    return true;
  }

  /** The ETag is that of the JSON in either form: an address with its hash stays the same. */
  #sendV3(ctx: RequestContext, name: string, hash: string): void {
    const { request, response } = ctx;
    const document = this.#groupDocument(name);
    if (document === undefined) {
      sendNothing(response, 404);
      return;
    }
    response.setHeader("vary", "Accept");
    const form = formOf(request.headers.accept, V3_PROTOBUF);
    if (form === undefined) {
      sendNothing(response, 406);
      return;
    }
    if (hash !== "" && hash !== document.hash) {
      const location = `/openapi/v3/${name}?hash=${document.hash}`;
      response.writeHead(301, { location, etag: `"${document.hash}"` });
      response.end();
      return;
    }
    const immutable = hash !== "";
    if (form === "protobuf") {
      const { bytes } = this.#document(`v3.pb/${name}`, () => this.#groupProtobuf(name));
      this.#send(ctx, { bytes, hash: document.hash }, { immutable, mediaType: V3_PROTOBUF[0] });
    } else this.#send(ctx, document, { immutable });
  }

  #sendV2(ctx: RequestContext): void {
    ctx.response.setHeader("vary", "Accept");
    const form = formOf(ctx.request.headers.accept, V2_PROTOBUF);
    if (form === undefined) sendNothing(ctx.response, 406);
    else if (form === "protobuf") {
      const document = this.#document("v2.pb", () => this.#v2Protobuf());
      this.#send(ctx, document, { immutable: false, mediaType: V2_PROTOBUF[0] });
    } else {
      const document = this.#document("v2", () => this.#v2());
      this.#send(ctx, document, { immutable: false });
    }
  }

  #send(ctx: RequestContext, document: Document, how: { immutable: boolean; mediaType?: string }): void {
    const { request, response } = ctx;
    const etag = `"${document.hash}"`;
    response.setHeader("etag", etag);
    if (how.immutable) {
      response.setHeader("cache-control", "public, immutable");
      response.setHeader("expires", new Date(Date.now() + 365 * 24 * 3600 * 1000).toUTCString());
    }
    if (knows(request.headers["if-none-match"], etag)) {
      response.writeHead(304, how.immutable ? {} : { "cache-control": "no-cache, private" });
      response.end();
      return;
    }
    sendExactly(request, response, 200, how.mediaType ?? JSON_TYPE, document.bytes);
  }

  #document(name: string, make: () => string | Uint8Array): Document {
    let document = this.#documents.get(name);
    if (document === undefined) {
      const made = make();
      const bytes = typeof made === "string" ? encoder.encode(made) : made;
      document = { bytes, hash: createHash("sha512").update(bytes).digest("hex").toUpperCase() };
      this.#documents.set(name, document);
    }
    return document;
  }

  #groupDocument(name: string): Document | undefined {
    const custom = this.#custom?.v3().get(name);
    const text = custom === undefined ? openapiV3Text(name) : JSON.stringify(custom);
    return text === undefined ? undefined : this.#document(`v3/${name}`, () => text);
  }

  #groupProtobuf(name: string): Uint8Array {
    const custom = this.#custom?.v3().get(name);
    if (custom !== undefined) return encodeOpenapiV3(custom as Readonly<Record<string, unknown>>);
    return openapiV3Protobuf(name) ?? new Uint8Array();
  }

  /** Built-in documents are named with the hashes they were generated with, so that none is read before it is asked for. */
  #index(): object {
    const paths: Record<string, object> = { ...openapiV3Index().paths };
    for (const name of this.#custom?.v3().keys() ?? []) {
      const document = this.#groupDocument(name);
      if (document !== undefined) paths[name] = { serverRelativeURL: `/openapi/v3/${name}?hash=${document.hash}` };
    }
    return { paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))) };
  }

  #v2(): string {
    const merged = this.#merged();
    if (merged === undefined) return openapiV2Text();
    const { base, definitions, paths } = merged;
    return JSON.stringify({ ...base, definitions, paths });
  }

  /** Built-in parts as they were generated, and after them what is not among these. */
  #v2Protobuf(): Uint8Array {
    const merged = this.#merged();
    if (merged === undefined) return openapiV2Protobuf();
    const { base, definitions, paths } = merged;
    const added = { definitions: without(definitions, base.definitions), paths: without(paths, base.paths) };
    return Buffer.concat([openapiV2Protobuf(), encodeOpenapiV2(added)]);
  }

  /** With what custom resources and extension servers add; undefined when that is nothing. */
  #merged(): (Parts & { readonly base: Parts }) | undefined {
    const custom = this.#custom?.v2();
    if (custom === undefined || Object.keys(custom.paths).length === 0) return undefined;
    const base = openapiV2() as unknown as Parts;
    const merged = { definitions: { ...base.definitions }, paths: { ...base.paths } };
    mergeDefinitions(merged, custom);
    return { ...merged, base };
  }
}

interface Parts {
  readonly definitions: Record<string, unknown>;
  readonly paths: Record<string, unknown>;
}

function without(all: Record<string, unknown>, known: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !Object.hasOwn(known, name)));
}

/** The form of a document that the client prefers; undefined: it takes none. */
function formOf(accept: string | undefined, protobuf: readonly [string, string]): "json" | "protobuf" | undefined {
  for (const { type } of parseAccept(accept === undefined || accept === "" ? "*/*" : accept)) {
    if (type === JSON_TYPE || type === "*/*" || type === "application/*") return "json";
    if (protobuf.includes(type)) return "protobuf";
  }
  return undefined;
}

/** Whether an If-None-Match header names this ETag, or any. */
function knows(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((each) => ["*", etag].includes(each.trim().replace(/^W\//, "")));
}

function sendNothing(response: ApiResponse, status: number): void {
  response.writeHead(status, { "cache-control": "no-cache, private", "content-length": 0 });
  response.end();
}
