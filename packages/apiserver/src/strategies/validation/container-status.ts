// What a status may say of containers: as whom they run, and how the devices are that they have (KEP-3619, KEP-4680).
import type { Container, ContainerStatus, LinuxContainerUser, Pod, ResourceStatus } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, notSupported, required, tooLong } from "../field.ts";
import { validateId } from "./security-context.ts";

const HEALTH = ["Healthy", "Unhealthy", "Unknown"];
const MAX_MESSAGE = 1024;
const LISTS = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

export function validateContainerStatuses({ spec, status }: Pod, path: FieldPath, errors: FieldError[]): void {
  const os = spec?.os?.name ?? "linux";
  for (const list of LISTS)
    status?.[list]?.forEach(({ user }, index) => {
      if (user?.linux === undefined) return;
      const at = path.child(list).index(index).child("user", "linux");
      if (os === "windows") errors.push(forbidden(at, "cannot be set for a windows pod"));
      else if (os === "linux") validateUser(user.linux, at, errors);
    });
  validateAllocated(status?.containerStatuses, spec?.containers, path.child("containerStatuses"), errors);
  validateAllocated(status?.initContainerStatuses, spec?.initContainers, path.child("initContainerStatuses"), errors);
  status?.ephemeralContainerStatuses?.forEach(({ allocatedResourcesStatus = [] }, index) => {
    if (allocatedResourcesStatus.length === 0) return;
    const at = path.child("ephemeralContainerStatuses").index(index).child("allocatedResourcesStatus");
    errors.push(forbidden(at, "must not be specified in container status"));
  });
}

function validateUser(
  { uid, gid, supplementalGroups }: LinuxContainerUser,
  path: FieldPath,
  errors: FieldError[],
): void {
  validateId(uid, path.child("uid"), errors);
  validateId(gid, path.child("gid"), errors);
  supplementalGroups?.forEach((group, index) =>
    validateId(group, path.child("supplementalGroups").index(index), errors),
  );
}

function validateAllocated(
  statuses: readonly ContainerStatus[] | undefined,
  containers: readonly Container[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const byName = new Map(containers?.map((container) => [container.name, container]));
  statuses?.forEach(({ name, allocatedResourcesStatus }, index) => {
    if (allocatedResourcesStatus === undefined) return;
    const container = byName.get(name);
    const at = path.index(index).child("allocatedResourcesStatus");
    const names = container && resourceNames(container);
    allocatedResourcesStatus.forEach((each, place) => validateResource(each, names, at.index(place), errors));
  });
}

const OF_CLAIMS =
  "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
const OF_REQUESTS = "must match one of the container's resource requests";

function validateResource(
  { name, resources = [] }: ResourceStatus,
  names: ReadonlySet<string> | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (names !== undefined && !names.has(name))
    errors.push(invalid(path.child("name"), name, name.startsWith("claim:") ? OF_CLAIMS : OF_REQUESTS));
  const ids = new Set<string>();
  resources.forEach(({ resourceID, health = "", message }, index) => {
    const at = path.child("resources").index(index);
    if (!HEALTH.includes(health)) errors.push(notSupported(at.child("health"), health, HEALTH));
    if (message === "") errors.push(required(at.child("message"), "must be non-empty if specified"));
    else if (message !== undefined && Buffer.byteLength(message) > MAX_MESSAGE)
      errors.push(tooLong(at.child("message"), message, MAX_MESSAGE));
    if (ids.has(resourceID)) errors.push(duplicate(at.child("resourceID"), resourceID));
    ids.add(resourceID);
  });
}

/** What a container asks for, and the claims that it uses. */
function resourceNames({ resources }: Container): ReadonlySet<string> {
  const names = new Set(Object.keys(resources?.requests ?? {}).filter((name) => !name.startsWith("claim:")));
  for (const { name, request } of resources?.claims ?? []) names.add(`claim:${name}${request ? `/${request}` : ""}`);
  return names;
}
