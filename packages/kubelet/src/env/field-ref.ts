/** Values of the downward API: fieldRef and resourceFieldRef. */
import type { Container, Node, ObjectFieldSelector, Pod, ResourceFieldSelector } from "@knots/api/core/v1";
import { Quantity } from "@knots/machinery";

export interface FieldContext {
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
}

/** The text of a pod's field; labels and annotations as a whole are one `key="value"` a line, sorted. */
export function fieldValue(pod: Pod, selector: ObjectFieldSelector, context: FieldContext): string {
  const path = selector.fieldPath;
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript?.[1] !== undefined && subscript[2] !== undefined) {
    const map = subscript[1] === "labels" ? pod.metadata?.labels : pod.metadata?.annotations;
    return map?.[subscript[2]] ?? "";
  }
  switch (path) {
    case "metadata.name":
      return pod.metadata?.name ?? "";
    case "metadata.namespace":
      return pod.metadata?.namespace ?? "";
    case "metadata.uid":
      return pod.metadata?.uid ?? "";
    case "metadata.labels":
      return formatMap(pod.metadata?.labels);
    case "metadata.annotations":
      return formatMap(pod.metadata?.annotations);
    case "spec.nodeName":
      return pod.spec?.nodeName ?? "";
    case "spec.serviceAccountName":
      return pod.spec?.serviceAccountName ?? "";
    case "status.hostIP":
      return context.hostIPs[0] ?? "";
    case "status.hostIPs":
      return context.hostIPs.join(",");
    case "status.podIP":
      return context.podIPs[0] ?? "";
    case "status.podIPs":
      return context.podIPs.join(",");
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

export function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .toSorted()
    .join("\n");
}

/** A request or limit divided by the divisor, rounded up. A limit that is not set is the node's allocatable. */
export function resourceValue(container: Container, selector: ResourceFieldSelector, node: Node | undefined): string {
  const match = /^(limits|requests)\.(.+)$/.exec(selector.resource);
  const kind = match?.[1];
  const name = match?.[2];
  if (kind === undefined || name === undefined)
    throw new Error(`Unsupported container resource : ${selector.resource}`);
  const own = container.resources;
  const given =
    kind === "limits"
      ? (own?.limits?.[name] ?? node?.status?.allocatable?.[name])
      : // A request that is not set is the limit, where the API server has not defaulted it.
        (own?.requests?.[name] ?? own?.limits?.[name]);
  const divisor =
    selector.divisor === undefined || selector.divisor === "" || selector.divisor === "0" ? "1" : selector.divisor;
  const value = Quantity.parse(String(given ?? "0"));
  const by = Quantity.parse(String(divisor));
  // In thousandths on both sides, so that cpu in millicores divides exactly.
  const scaled = BigInt(value.milliValue());
  const unit = BigInt(by.milliValue());
  if (unit === 0n) return "0";
  return String((scaled + unit - 1n) / unit);
}
