// What a pod asks for as a whole, beside what its containers do (KEP-2837).
import type { Container, PodSpec } from "@knots/api/core/v1";
import { Quantity, ownValue, podLimits, podRequests } from "@knots/machinery";
import type { ResourceAmounts } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, notSupported } from "../field.ts";
import { hasBrokenPages, isHugePages } from "./huge-pages.ts";
import { claimNamesOf } from "./resource-claims.ts";
import { validateResourceName } from "./resource-names.ts";
import { validateResourceRequirements } from "./resources.ts";

const SUPPORTED = ["cpu", "hugepages-", "memory"];

export const isPodLevelResource = (name: string): boolean => name === "cpu" || name === "memory" || isHugePages(name);

/** What all containers request together. */
export const containerRequests = (spec: PodSpec): ResourceAmounts =>
  podRequests({
    containers: withOnly(spec.containers, "requests"),
    initContainers: withOnly(spec.initContainers, "requests"),
  });

/** The limits of all containers together. */
export const containerLimits = (spec: PodSpec): ResourceAmounts =>
  podLimits({
    containers: withOnly(spec.containers, "limits"),
    initContainers: withOnly(spec.initContainers, "limits"),
  });

function withOnly(containers: readonly Container[] = [], field: "requests" | "limits"): Container[] {
  return containers.map(({ name, restartPolicy, resources }) => ({
    name,
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
    resources: { [field]: resources?.[field] ?? {} },
  }));
}

export function validatePodLevelResources(spec: PodSpec, path: FieldPath, errors: FieldError[], old?: PodSpec): void {
  const { resources } = spec;
  if (resources === undefined) return;
  if (spec.os?.name === "windows") return void errors.push(forbidden(path, "may not be set for a windows pod"));
  if (resources.claims !== undefined)
    errors.push(forbidden(path.child("claims"), "claims may not be set for Resources at pod-level"));
  validateResourceRequirements(resources, path, errors, {
    claims: claimNamesOf(spec),
    validateName,
    mayBreakPages: () => hasBrokenPages(old),
  });
  validateAgainstContainers(spec, path, errors);
}

function validateName(name: string, path: FieldPath, errors: FieldError[]): void {
  const before = errors.length;
  validateResourceName(name, path, errors);
  if (errors.length === before && !isPodLevelResource(name)) errors.push(notSupported(path, name, SUPPORTED));
}

function validateAgainstContainers(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const { requests = {}, limits = {} } = spec.resources ?? {};
  for (const [name, sum] of Object.entries(containerRequests(spec))) {
    const request = ownValue(requests, name);
    if (request === undefined || sum.cmp(Quantity.parse(request)) <= 0) continue;
    const why = `must be greater than or equal to aggregate container requests of ${sum.toString()}`;
    errors.push(invalid(path.child("requests").key(name), request, why));
  }
  // Huge pages cannot be overcommitted: what containers may have at most, they have.
  for (const [name, sum] of Object.entries(containerLimits(spec))) {
    const limit = ownValue(limits, name);
    if (!isHugePages(name) || limit === undefined || sum.cmp(Quantity.parse(limit)) <= 0) continue;
    const why = `must be greater than or equal to aggregate container limits of ${sum.toString()}`;
    errors.push(invalid(path.child("limits").key(name), limit, why));
  }
  spec.containers.forEach(({ resources }, index) => {
    for (const name in resources?.limits) {
      const [own = "0", limit] = [resources.limits[name], ownValue(limits, name)];
      if (limit === undefined || Quantity.parse(own).cmp(Quantity.parse(limit)) <= 0) continue;
      const at = path.child("containers").index(index).key(name).child("limits");
      errors.push(invalid(at, own, `must be less than or equal to pod limits of ${limit}`));
    }
  });
}
