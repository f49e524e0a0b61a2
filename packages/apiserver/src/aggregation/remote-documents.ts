// What an extension server says of itself: discovery of its group version, and its part of OpenAPI.
import { jsonObject } from "../outbound/index.ts";
import type { OutboundClient, OutboundResponse } from "../outbound/index.ts";
import type { RemoteService } from "./api-services.ts";
import { pathOf } from "./api-services.ts";
import { AGGREGATOR, remoteUserHeaders } from "./remote-user.ts";

const TIMEOUT_MS = 10_000;
const AGGREGATED = ["v2", "v2beta1"].map(
  (version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
);

type Json = Readonly<Record<string, unknown>>;

interface ApiResource {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced?: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

function get(client: OutboundClient, service: RemoteService, path: string, accept: string): Promise<OutboundResponse> {
  const headers = { ...remoteUserHeaders(AGGREGATOR), accept };
  return client.send(service.remote, { method: "GET", path, headers, timeoutMs: TIMEOUT_MS });
}

/** The resources of a group version, as aggregated discovery lists them; servers that do not know it are asked the old way. */
export async function fetchResources(client: OutboundClient, service: RemoteService): Promise<readonly object[]> {
  const { group, version } = service;
  if (group !== "") {
    const response = await get(client, service, "/apis", [...AGGREGATED, "application/json"].join(","));
    if (String(response.headers["content-type"] ?? "").includes("as=APIGroupDiscoveryList")) {
      const { items } = jsonObject(response) as { items?: { metadata?: { name?: string }; versions?: Json[] }[] };
      const found = (items ?? [])
        .find((item) => item.metadata?.name === group)
        ?.versions?.find((each) => each["version"] === version);
      return (found?.["resources"] as object[] | undefined) ?? [];
    }
  }
  const list = jsonObject(await get(client, service, pathOf(service), "application/json"));
  return resourcesFromList(group, version, (list["resources"] as ApiResource[] | undefined) ?? []);
}

/** A classic APIResourceList in the words of aggregated discovery. */
export function resourcesFromList(group: string, version: string, list: readonly ApiResource[]): object[] {
  const kindOf = (entry: ApiResource): object => ({
    group: entry.group === undefined || entry.group === "" ? group : entry.group,
    version: entry.version === undefined || entry.version === "" ? version : entry.version,
    kind: entry.kind,
  });
  return list
    .filter(({ name }) => !name.includes("/"))
    .map((entry) => {
      const subresources = list
        .filter(({ name }) => name.startsWith(`${entry.name}/`))
        .map((sub) => ({
          subresource: sub.name.slice(entry.name.length + 1),
          responseKind: kindOf(sub),
          verbs: [...(sub.verbs ?? [])],
        }));
      return {
        resource: entry.name,
        responseKind: kindOf(entry),
        scope: entry.namespaced === true ? "Namespaced" : "Cluster",
        singularResource: entry.singularName ?? "",
        verbs: [...(entry.verbs ?? [])],
        ...(entry.shortNames === undefined ? {} : { shortNames: [...entry.shortNames] }),
        ...(entry.categories === undefined ? {} : { categories: [...entry.categories] }),
        ...(subresources.length === 0 ? {} : { subresources }),
      };
    });
}

export interface RemoteOpenApi {
  readonly v2: { readonly definitions: Json; readonly paths: Json } | undefined;
  readonly v3: object | undefined;
}

/** OpenAPI of a group version; a version of OpenAPI that the server does not offer is undefined. */
export async function fetchOpenApi(client: OutboundClient, service: RemoteService): Promise<RemoteOpenApi> {
  const path = pathOf(service);
  const v2 = await get(client, service, "/openapi/v2", "application/json");
  const index = await get(client, service, "/openapi/v3", "application/json");
  const listed =
    index.status === 200
      ? (jsonObject(index)["paths"] as Record<string, { serverRelativeURL?: string }> | undefined)
      : {};
  const url = listed?.[path.slice(1)]?.serverRelativeURL;
  const v3 = url === undefined ? undefined : await get(client, service, url, "application/json");
  return {
    v2: v2.status === 200 ? partOf(jsonObject(v2), path) : undefined,
    v3: v3?.status === 200 ? jsonObject(v3) : undefined,
  };
}

function partOf(document: Json, prefix: string): { definitions: Json; paths: Json } {
  const paths = Object.entries((document["paths"] as Json | undefined) ?? {}).filter(
    ([path]) => path === prefix || path.startsWith(`${prefix}/`),
  );
  return { definitions: (document["definitions"] as Json | undefined) ?? {}, paths: Object.fromEntries(paths) };
}
