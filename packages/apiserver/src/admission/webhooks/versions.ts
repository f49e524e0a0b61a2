// The objects of a request in the version a webhook is registered for.
import { schemaFor } from "@knots/api";
import type { GroupVersionKind, KubeObject } from "@knots/machinery";
import { newInternalError, StatusError } from "@knots/machinery";
import { expectedType, shapeObject } from "../../http/handlers/decode.ts";
import type { Registry } from "../../registry/registry.ts";
import { apiVersionOf, prepareConversion } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import type { AdmissionAttributes } from "../types.ts";

/** A version of a request's resource, as rules match it and AdmissionReviews name it. */
export interface RequestVersion {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: GroupVersionKind;
  /** Undefined: the request's object is of one kind in every version (Scale, Binding, PodExecOptions). */
  readonly served: ServedResource | undefined;
}

/** The version of the request first, then all others in which the same objects are served. */
export function versionsOf(registry: Registry, attributes: AdmissionAttributes): RequestVersion[] {
  const { group, version, resource, kind } = attributes;
  const requested = attributes.requestVersion;
  // Reviews are of one version and not stored.
  if (registry.served(group, version, resource) === undefined)
    return [{ group, version, resource, kind, served: undefined }];
  const storage = registry.storageFor({ group, resource });
  const own = kind.kind === storage.type.info.kind && kind.group === group;
  const found: RequestVersion[] = [];
  for (const served of registry.all()) {
    if (served.storage !== storage) continue;
    const { info } = served;
    const entry: RequestVersion = {
      group: info.group,
      version: info.version,
      resource: info.resource,
      kind: own ? { group: info.group, version: info.version, kind: info.kind } : kind,
      served: own ? served : undefined,
    };
    if (apiVersionOf(info) === requested) found.unshift(entry);
    else found.push(entry);
  }
  if (found.length === 0) found.push({ group, version, resource, kind, served: undefined });
  return found;
}

/** An object of the storage version in another one; the same object where there is nothing to convert. */
export async function toVersion(
  { served }: RequestVersion,
  object: KubeObject | undefined,
): Promise<KubeObject | undefined> {
  if (object === undefined || served?.converter === undefined) return object;
  if (object.apiVersion === apiVersionOf(served.info)) return object;
  await prepareConversion(served, [object]);
  return served.converter.toServed(object);
}

/** Back into the storage version. */
export async function fromVersion({ served }: RequestVersion, object: KubeObject): Promise<KubeObject> {
  return served?.converter === undefined ? object : await served.converter.toStored(object);
}

/** Brings what a webhook made of an object into its kind's shape, with defaults; throws InternalError. */
export function shapeMutated({ served, kind }: RequestVersion, object: KubeObject): KubeObject {
  const expected = served === undefined ? { ...kind, schema: schemaFor(kind) } : expectedType(served);
  try {
    const shaped = shapeObject(object, expected, "Ignore", () => undefined);
    served?.applyDefaults(shaped);
    return shaped;
  } catch (error) {
    if (error instanceof StatusError) throw newInternalError(error.message);
    throw error;
  }
}
