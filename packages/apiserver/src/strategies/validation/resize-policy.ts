import type { ContainerResizePolicy } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, invalid, notSupported, required } from "../field.ts";

const RESOURCES = ["cpu", "memory"];
const POLICIES = ["NotRequired", "RestartContainer"];

/** What a resize does to a container, by resource; upstream tells most of it of the list as a whole. */
export function validateResizePolicy(
  policies: readonly ContainerResizePolicy[],
  restarts: string | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const names = new Set<string>();
  policies.forEach(({ resourceName, restartPolicy }, index) => {
    if (names.has(resourceName)) errors.push(duplicate(path.index(index), resourceName));
    names.add(resourceName);
    if (!resourceName) errors.push(required(path, ""));
    else if (!RESOURCES.includes(resourceName)) errors.push(notSupported(path, resourceName, RESOURCES));
    if (!restartPolicy) errors.push(required(path, ""));
    else if (!POLICIES.includes(restartPolicy)) errors.push(notSupported(path, restartPolicy, POLICIES));
    if (restarts === "Never" && restartPolicy !== "NotRequired")
      errors.push(invalid(path, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
  });
}
