import type { FactResource, Facts } from "./facts.ts";
import type { ResourceInfo } from "../resource-info.ts";

/** The module with RESOURCES, the built-in resources in the order of the API's documents. */
export function writeResourcesModule(facts: Facts): string {
  const infos = facts.resources.map((resource) => resourceInfo(facts, resource));
  return [
    "// Generated from facts; run `npm run generate`.",
    'import type { ResourceInfo } from "../resource-info.ts";',
    "",
    "/** Every built-in resource: what discovery publishes and what the registry serves. */",
    `export const RESOURCES: readonly ResourceInfo[] = [\n${infos.map((info) => `  ${JSON.stringify(info)},\n`).join("")}];`,
    "",
  ].join("\n");
}

export function resourceInfo(facts: Facts, resource: FactResource): ResourceInfo {
  const { group, version, kind, namespaced, verbs } = resource;
  const key = group === "" ? resource.resource : `${resource.resource}.${group}`;
  return {
    group,
    version,
    resource: resource.resource,
    singular: facts.names.singular[key] ?? kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    namespaced,
    verbs,
    shortNames: facts.names.shortNames[key] ?? [],
    categories: facts.names.categories[key] ?? [],
    subresources: Object.fromEntries(
      Object.entries(resource.subresources).map(([name, sub]) => [name, { verbs: sub.verbs, ...parseKind(sub.gvk) }]),
    ),
  };
}

/** "policy/v1/Eviction", or "v1/Pod" for the core group. */
function parseKind(text: string): { group: string; version: string; kind: string } {
  const parts = text.split("/");
  const [kind = "", version = "", group = ""] = parts.toReversed();
  return { group, version, kind };
}
