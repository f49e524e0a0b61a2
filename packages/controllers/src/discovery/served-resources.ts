import type { Client } from "@knots/client";
import type { KubeObject, ResourceType } from "@knots/machinery";

/** A resource as discovery shows it. */
export interface ServedResource extends ResourceType<KubeObject> {
  readonly verbs: readonly string[];
}

interface ResourceList {
  readonly resources: readonly { name: string; kind: string; namespaced: boolean; verbs: readonly string[] }[];
}
interface GroupList {
  readonly groups: readonly { name: string; preferredVersion: { version: string; groupVersion: string } }[];
}

/** Every resource in its group's preferred version, without subresources; `failed` names the versions that did not answer. */
export async function servedResources(client: Client): Promise<{ resources: ServedResource[]; failed: string[] }> {
  const { groups } = (await client.request("GET", "/apis")) as GroupList;
  const versions = [
    { group: "", version: "v1", path: "/api/v1" },
    ...groups.map(({ name, preferredVersion: { version, groupVersion } }) => ({
      group: name,
      version,
      path: `/apis/${groupVersion}`,
    })),
  ];
  const failed: string[] = [];
  const lists = await Promise.all(
    versions.map(async ({ group, version, path }): Promise<ServedResource[]> => {
      try {
        const { resources } = (await client.request("GET", path)) as ResourceList;
        return resources
          .filter(({ name }) => !name.includes("/"))
          .map(({ name, kind, namespaced, verbs }) => ({ group, version, resource: name, kind, namespaced, verbs }));
      } catch (error) {
        failed.push(`${path.replace(/^\/apis?\//, "")}: ${error instanceof Error ? error.message : String(error)}`);
        return [];
      }
    }),
  );
  return { resources: lists.flat(), failed };
}

export function canDelete(resource: ServedResource): boolean {
  return ["list", "watch", "delete"].every((verb) => resource.verbs.includes(verb));
}
