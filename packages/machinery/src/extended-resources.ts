// Extended resources, and the device classes that stand behind them (KEP-5004): each rule once, for API server, scheduler,
// controllers and kubelet.
import { isQualifiedName } from "./names.ts";
import type { KubeObject } from "./object.ts";
import { getControllerOf } from "./owner-refs.ts";

/** On the claim that the scheduler makes for all of a pod's extended resources that are devices; its value is "true". */
export const EXTENDED_RESOURCE_CLAIM_ANNOTATION = "resource.kubernetes.io/extended-resource-claim";
/** Followed by the class' name: the resource that each DeviceClass is without being given a name. */
export const DEVICE_CLASS_RESOURCE_PREFIX = "deviceclass.resource.kubernetes.io/";

/** A name of a resource that is none of Kubernetes' own. */
export function isExtendedResourceName(name: string): boolean {
  const native = !name.includes("/") || name.includes("kubernetes.io/");
  return !native && !name.startsWith("requests.") && isQualifiedName(`requests.${name}`).length === 0;
}

/** An extended resource, or the implicit one of a DeviceClass: what devices may be asked for by. */
export function isDeviceResourceName(name: string): boolean {
  return name.startsWith(DEVICE_CLASS_RESOURCE_PREFIX) || isExtendedResourceName(name);
}

interface DeviceClassLike extends KubeObject {
  spec: { extendedResourceName?: string };
}

/** Which class gives which resource: an index of all DeviceClasses, to be made anew when one of them changes. */
export class DeviceClassResources<C extends DeviceClassLike> {
  readonly #classes = new Map<string, C>();
  readonly #resources = new Map<string, string>();

  /** Of classes that name the same resource the newest gives it, so that one can follow another; then the first by name. */
  constructor(classes: Iterable<C>) {
    for (const each of classes) {
      const { name = "" } = each.metadata ?? {};
      this.#classes.set(`${DEVICE_CLASS_RESOURCE_PREFIX}${name}`, each);
      const resource = each.spec.extendedResourceName;
      if (resource === undefined) continue;
      this.#resources.set(name, resource);
      const other = this.#classes.get(resource);
      if (other === undefined || precedes(each, other)) this.#classes.set(resource, each);
    }
  }

  /** The class whose devices satisfy requests for the resource. */
  classOf(resource: string): C | undefined {
    return this.#classes.get(resource);
  }

  /** `spec.extendedResourceName` of a class. */
  resourceOf(className: string): string | undefined {
    return this.#resources.get(className);
  }
}

function precedes(a: DeviceClassLike, b: DeviceClassLike): boolean {
  const [ofA, ofB] = [timeOf(a), timeOf(b)];
  return ofA === ofB ? (a.metadata?.name ?? "") < (b.metadata?.name ?? "") : ofA > ofB;
}

function timeOf({ metadata }: KubeObject): number {
  return Date.parse(metadata?.creationTimestamp ?? "") || 0;
}

/** The uid and name of the pod for whose extended resources the claim was made; undefined: it is no such claim. */
export function podOfExtendedClaim(claim: KubeObject): { name: string; uid: string } | undefined {
  if (claim.metadata?.annotations?.[EXTENDED_RESOURCE_CLAIM_ANNOTATION] !== "true") return undefined;
  const owner = getControllerOf(claim);
  return owner?.kind === "Pod" && owner.apiVersion === "v1" ? { name: owner.name, uid: owner.uid } : undefined;
}
