import { StatusError } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { ServedResource } from "../registry/served.ts";
import type { Negotiated } from "./negotiate.ts";

/** The metadata of an object alone, as `as=PartialObjectMetadata` asks for. */
export function partialMetadata(object: KubeObject, metaVersion: string): KubeObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${metaVersion}`,
    metadata: object.metadata ?? {},
  };
}

/**
 * Throws NotAcceptable when the metadata of one object was asked for where there is a list, or the other way about. To be
 * asked before anything is written: upstream writes, and then does not tell what.
 */
export function checkPartial({ as, partialList }: Negotiated, served: ServedResource, list: boolean): void {
  if (as !== "partial" || partialList === list) return;
  const asked = list ? "PartialObjectMetadata" : "PartialObjectMetadataList";
  const found = list ? "is a list" : "is not a list";
  throw new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `you requested ${asked}, but the requested object ${found} (${goType(served, list)})`,
    reason: "NotAcceptable",
    code: 406,
  });
}

/** What upstream calls the type: built-in kinds lie in a package that is named after their group. */
function goType({ custom, info }: ServedResource, list: boolean): string {
  if (custom) return `*unstructured.Unstructured${list ? "List" : ""}`;
  const group = info.group === "" || info.group === "events.k8s.io" ? "core" : info.group.split(".", 1)[0];
  return `*${group}.${list ? info.listKind : info.kind}`;
}
