import type { KubeObject } from "@knots/machinery";

/** The metadata of an object alone, as `as=PartialObjectMetadata` asks for. */
export function partialMetadata(object: KubeObject, metaVersion: string): KubeObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${metaVersion}`,
    metadata: object.metadata ?? {},
  };
}
