// Attributes of a request, and objects that are there, for tests of single plug-ins.
import type { KubeObject, ResourceType } from "@knots/machinery";
import type { ObjectSource } from "../../registry/object-source.ts";
import type { AdmissionAttributes } from "../types.ts";

/** A source that holds these objects; they are found by kind, namespace and name. */
export function objectsOf(...objects: readonly KubeObject[]): ObjectSource {
  const isOf = (type: ResourceType, namespace: string | undefined, { kind, metadata }: KubeObject): boolean =>
    kind === type.kind && (namespace === undefined || namespace === "" || metadata?.namespace === namespace);
  return {
    get: (type, namespace, name) =>
      objects.find((each) => isOf(type, namespace, each) && each.metadata?.name === name) as never,
    list: (type, namespace) => objects.filter((each) => isOf(type, namespace, each)) as never,
    subscribe: () => ({ [Symbol.dispose]: () => undefined }),
  };
}

/** What is not said is a creation of a pod in "default" by "somebody". */
export function attributesOf(
  of: Partial<AdmissionAttributes> = {},
): AdmissionAttributes & { readonly warnings: string[] } {
  const warnings: string[] = [];
  const { group = "", resource = "pods", object } = of;
  return {
    operation: "CREATE",
    group,
    version: "v1",
    resource,
    subresource: "",
    kind: { group, version: "v1", kind: object?.kind ?? "" },
    requestVersion: "v1",
    namespace: "default",
    name: object?.metadata?.name ?? "",
    object: undefined,
    oldObject: undefined,
    options: {},
    user: { name: "somebody", groups: ["system:authenticated"] },
    dryRun: false,
    objects: objectsOf(),
    now: 0,
    warn: (text) => void warnings.push(text),
    reinvocation: false,
    ...of,
    warnings,
  };
}

/** The message with which a plug-in refuses; "" where it does not. */
export async function refusal(run: () => unknown): Promise<string> {
  try {
    await run();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
