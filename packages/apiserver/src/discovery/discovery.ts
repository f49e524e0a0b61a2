import { createHash } from "node:crypto";
import type { ResourceInfo } from "@knots/api";
import { Codecs, jsonCodec } from "../http/codecs.ts";
import type { Codec } from "../http/codecs.ts";
import { negotiate, parseAccept } from "../http/negotiate.ts";
import type { Registry } from "../registry/registry.ts";
import type { RequestContext } from "../http/types.ts";
import { isBuiltInGroup } from "../http/handlers/routes.ts";
import { sendBytes } from "../http/respond.ts";
import { OBJECT_TYPES, checkRead } from "../http/restful.ts";
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "./documents.ts";
import { groupsOf } from "./groups.ts";
import type { ApiGroupInfo } from "./groups.ts";
import { mergeGroups } from "./merge.ts";
import type { Aggregated, MergedGroup } from "./merge.ts";

const codecs = new Codecs();

interface Document {
  readonly bytes: Uint8Array;
  /** Of the document, in whichever form it is sent: caches keep the forms apart by their Accept headers. */
  readonly etag: string;
}

/** How a document is sent. */
interface Form {
  readonly codec: Codec;
  /** As apidiscovery.k8s.io/v2 has it, not a classic one. */
  readonly aggregated: boolean;
}

/** Discovery documents, classic and aggregated, made when first asked for and again after custom resources changed. */
export class Discovery {
  readonly #registry: Registry;
  readonly #serverAddress: () => string;
  readonly #extensions: Aggregated;
  #groups: readonly ApiGroupInfo[] | undefined;
  #merged: readonly MergedGroup[] | undefined;
  readonly #documents = new Map<string, Document>();

  constructor(registry: Registry, serverAddress: () => string, aggregated: Aggregated) {
    this.#registry = registry;
    this.#extensions = aggregated;
    this.#serverAddress = serverAddress;
  }

  /** To be called when resources come or go. */
  invalidate(): void {
    this.#groups = undefined;
    this.#merged = undefined;
    this.#documents.clear();
  }

  /** What this server serves itself. */
  groups(): readonly ApiGroupInfo[] {
    this.#groups ??= groupsOf(this.#resources());
    return this.#groups;
  }

  /** The same with the groups of extension servers. */
  merged(): readonly MergedGroup[] {
    this.#merged ??= mergeGroups(this.groups(), this.#extensions);
    return this.#merged;
  }

  /**
   * Answers /api, /apis and what lies below, with or without a trailing slash; false when the path is none of them.
   * Throws NotAcceptable when the client takes none of the forms.
   */
  handle(ctx: RequestContext): boolean {
    const segments = ctx.info.path.split("/").filter((segment) => segment !== "");
    if (segments.length > 3 || (segments[0] !== "api" && segments[0] !== "apis")) return false;
    const path = segments.join("/");
    const { accept } = ctx.request.headers;
    const aggregated = segments.length === 1 ? aggregatedForm(accept) : undefined;
    // What is not there is not found, whatever the client takes.
    if (aggregated === undefined && this.#document(path, CLASSIC) === undefined) return false;
    if (isRouted(segments)) checkRead(ctx.request, OBJECT_TYPES);
    const form = aggregated ?? { ...CLASSIC, codec: negotiate(accept, codecs, { transforms: false }).codec };
    const document = this.#document(path, form);
    if (document === undefined) return false;
    const { response } = ctx;
    response.setHeader("vary", "Accept");
    if (!form.aggregated) {
      sendBytes(ctx.request, response, 200, form.codec.mediaType, document.bytes);
      return true;
    }
    response.setHeader("etag", document.etag);
    response.setHeader("cache-control", "public");
    if (ctx.request.headers["if-none-match"] === document.etag) {
      response.writeHead(304);
      response.end();
      return true;
    }
    const contentType = `${form.codec.mediaType};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`;
    sendBytes(ctx.request, response, 200, contentType, document.bytes);
    return true;
  }

  #document(path: string, { codec, aggregated }: Form): Document | undefined {
    const name = `${path}?${aggregated} ${codec.mediaType}`;
    let document = this.#documents.get(name);
    if (document !== undefined) return document;
    const segments = path.split("/");
    const value = aggregated ? aggregatedDiscovery(this.#groupsBelow(path)) : this.#classic(segments);
    if (value === undefined) return undefined;
    const etag = aggregated ? etagOf(value) : "";
    document = { bytes: codec.encode(value), etag };
    this.#documents.set(name, document);
    return document;
  }

  *#resources(): Generator<ResourceInfo> {
    for (const served of this.#registry.all()) yield served.info;
    yield* this.#registry.virtual();
  }

  #classic(segments: readonly string[]): object | undefined {
    const [prefix, group, version] = segments;
    if (prefix === "api") {
      if (group === undefined) return apiVersions(this.#serverAddress());
      return segments.length === 2 ? this.#resourceList("", group) : undefined;
    }
    if (group === undefined) return apiGroupList(this.merged());
    if (version !== undefined) return this.#resourceList(group, version);
    const info = this.merged().find((candidate) => candidate.group === group);
    return info === undefined || group === "" ? undefined : apiGroup(info, true);
  }

  #resourceList(group: string, version: string): object | undefined {
    const found = this.groups()
      .find((candidate) => candidate.group === group)
      ?.versions.find((candidate) => candidate.version === version);
    return found === undefined ? undefined : apiResourceList(group, version, found.resources);
  }

  /** Of /api the core group, of /apis all others. */
  #groupsBelow(path: string): readonly MergedGroup[] {
    return this.merged().filter(({ group }) => (group === "") === (path === "api"));
  }
}

/** Upstream has routes, with methods and types, for /api and what built-in groups offer; it makes all else as it is asked. */
function isRouted([prefix, group = "", version]: readonly string[]): boolean {
  return prefix === "api" || (version !== undefined && isBuiltInGroup(group));
}

const CLASSIC: Form = { codec: jsonCodec, aggregated: false };

/** The aggregated form that the client prefers over a classic document; undefined: classic. */
function aggregatedForm(accept: string | undefined): Form | undefined {
  for (const { type, parameters } of parseAccept(accept ?? "")) {
    const codec = codecs.forAccept(type);
    if (codec === undefined) continue;
    if (!["g", "v", "as"].some((name) => parameters.has(name))) return undefined;
    // v2beta1 is answered no more: upstream took it away with 1.33, for good with 1.35.
    if (parameters.get("g") === "apidiscovery.k8s.io" && parameters.get("v") === "v2") {
      if (parameters.get("as") === "APIGroupDiscoveryList") return { codec, aggregated: true };
    }
  }
  return undefined;
}

function etagOf(value: object): string {
  return `"${createHash("sha512").update(JSON.stringify(value)).digest("hex").toUpperCase()}"`;
}
