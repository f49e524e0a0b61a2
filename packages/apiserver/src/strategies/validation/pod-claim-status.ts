// What a pod's status may say of its claims: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus
import type { Pod } from "@knots/api/core/v1";
import { isDNS1123Label, ownValue } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, invalid, required } from "../field.ts";
import { nameIsDNSSubdomain } from "./names.ts";

/** Each entry is about one of spec.resourceClaims, and none twice; claims have the names of objects. */
export function validateClaimStatuses({ spec, status }: Pod, path: FieldPath, errors: FieldError[]): void {
  const names = new Set((spec?.resourceClaims ?? []).map(({ name }) => name));
  const seen = new Set<string>();
  status?.resourceClaimStatuses?.forEach(({ name, resourceClaimName }, index) => {
    const at = path.index(index).child("name");
    if (!names.has(name)) errors.push(invalid(at, name, "must match the name of an entry in `spec.resourceClaims`"));
    if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
    if (resourceClaimName === undefined) return;
    for (const message of nameIsDNSSubdomain(resourceClaimName, false))
      errors.push(invalid(path.index(index).child("resourceClaimName"), resourceClaimName, message));
  });
}

/** The claim for extended resources: each mapping is of a resource that its container asks for, and there is none twice. */
export function validateExtendedClaimStatus({ spec, status }: Pod, path: FieldPath, errors: FieldError[]): void {
  const claim = status?.extendedResourceClaimStatus;
  if (claim === undefined) return;
  // What must be there is looked for here.
  const { requestMappings = [], resourceClaimName = "" } = claim as Partial<typeof claim>;
  const mappings = path.child("requestMappings");
  if (requestMappings.length === 0) errors.push(required(mappings, "at least one request mapping is required"));
  const containers = new Map(
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((each) => [each.name, each]),
  );
  const seen = new Set<string>();
  requestMappings.forEach(({ containerName, resourceName, requestName }, index) => {
    const at = mappings.index(index);
    const container = containers.get(containerName);
    if (container === undefined) {
      const why = "must match the name of an entry in spec.initContainers.name or spec.containers.name";
      errors.push(invalid(at.child("containerName"), containerName, why));
    } else if (ownValue(container.resources?.requests, resourceName) === undefined) {
      const why =
        "must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests";
      errors.push(invalid(at.child("resourceName"), resourceName, why));
    }
    for (const message of isDNS1123Label(requestName))
      errors.push(invalid(path.child("requestName"), requestName, message));
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      errors.push(
        duplicate(at.child("containerName"), containerName),
        duplicate(at.child("resourceName"), resourceName),
        duplicate(at.child("requestName"), requestName),
      );
    }
    seen.add(key);
  });
  const name = path.child("resourceClaimName");
  if (resourceClaimName === "") errors.push(required(name));
  else
    for (const message of nameIsDNSSubdomain(resourceClaimName, false))
      errors.push(invalid(name, resourceClaimName, message));
}
