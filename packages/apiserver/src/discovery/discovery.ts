import { createHash } from "node:crypto";
import type { ResourceInfo } from "@knots/api";
import { parseAccept } from "../http/negotiate.ts";
import type { Registry } from "../registry/registry.ts";
import type { RequestContext } from "../http/types.ts";
import { sendBytes } from "../http/respond.ts";
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "./documents.ts";
import { groupsOf } from "./groups.ts";
import type { ApiGroupInfo } from "./groups.ts";
import { mergeGroups } from "./merge.ts";
import type { Aggregated, MergedGroup } from "./merge.ts";

const encoder = new TextEncoder();

interface Document {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/** Discovery documents, classic and aggregated, made when first asked for and again after custom resources changed. */
export class Discovery {
  readonly #registry: Registry;
  readonly #serverAddress: () => string;
  readonly #extensions: Aggregated;
  #groups: readonly ApiGroupInfo[] | undefined;
  #merged: readonly MergedGroup[] | undefined;
  readonly #documents = new Map<string, Document | undefined>();

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

  /** Answers /api, /apis and what lies below, with or without a trailing slash; false when the path is none of them. */
  handle(ctx: RequestContext): boolean {
    const segments = ctx.info.path.split("/").filter((segment) => segment !== "");
    if (segments.length > 3 || (segments[0] !== "api" && segments[0] !== "apis")) return false;
    const aggregated = segments.length === 1 ? aggregatedVersion(ctx) : undefined;
    const name = `${segments.join("/")}${aggregated === undefined ? "" : `?${aggregated}`}`;
    let document = this.#documents.get(name);
    if (document === undefined) {
      const value =
        aggregated === undefined ? this.#classic(segments) : this.#aggregated(segments[0] ?? "", aggregated);
      if (value === undefined) return false;
      document = encodeDocument(value);
      this.#documents.set(name, document);
    }
    const contentType =
      aggregated === undefined
        ? "application/json"
        : `application/json;g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList`;
    ctx.response.setHeader("vary", "Accept");
    if (aggregated !== undefined) {
      ctx.response.setHeader("etag", document.etag);
      if (ctx.request.headers["if-none-match"] === document.etag) {
        ctx.response.writeHead(304, { "cache-control": "no-cache, private" });
        ctx.response.end();
        return true;
      }
    }
    sendBytes(ctx.request, ctx.response, 200, contentType, document.bytes);
    return true;
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

  #aggregated(prefix: string, version: "v2" | "v2beta1"): object {
    const groups = this.merged().filter(({ group }) => (group === "") === (prefix === "api"));
    return aggregatedDiscovery(groups, version);
  }
}

/** The aggregated version that the client prefers over a classic document; undefined: classic. */
function aggregatedVersion(ctx: RequestContext): "v2" | "v2beta1" | undefined {
  for (const range of parseAccept(ctx.request.headers.accept ?? "")) {
    const { parameters } = range;
    if (range.type !== "application/json") {
      if (range.type === "*/*" || range.type === "application/*") return undefined;
      continue;
    }
    if (parameters.size === 0) return undefined;
    const version = parameters.get("v");
    if (
      parameters.get("g") === "apidiscovery.k8s.io" &&
      parameters.get("as") === "APIGroupDiscoveryList" &&
      (version === "v2" || version === "v2beta1")
    ) {
      return version;
    }
  }
  return undefined;
}

function encodeDocument(value: object): Document {
  const bytes = encoder.encode(`${JSON.stringify(value)}\n`);
  const etag = `"${createHash("sha512").update(bytes).digest("hex").toUpperCase()}"`;
  return { bytes, etag };
}
