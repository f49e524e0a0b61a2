// pods/resize changes requests and limits of cpu and memory, nothing else (upstream: ValidatePodResize; KEP-1287, KEP-5419).
import type { Container, Pod, ResourceRequirements } from "@knots/api/core/v1";
import { ownValue, podQOSClass } from "@knots/machinery";
import { semanticEqual } from "../equality.ts";
import type { FieldError } from "../field.ts";
import { FieldPath, forbidden, invalid } from "../field.ts";
import { MIRROR } from "./pod-annotations.ts";

const SPEC = FieldPath.root("spec");
const NOWHERE = FieldPath.root("");
const ONLY = "only cpu and memory resources are mutable";
const LISTS = ["containers", "initContainers"] as const;
type Amounts = Readonly<Record<string, string>>;

/** What is said to who would resize what cannot be resized, and nothing else. */
export function refuseResize(old: Pod): FieldError[] | undefined {
  if (old.metadata?.annotations?.[MIRROR] !== undefined) return [forbidden(NOWHERE, "static pods cannot be resized")];
  if (old.spec?.os?.name === "windows") return [forbidden(NOWHERE, "windows pods cannot be resized")];
  return undefined;
}

export function validatePodResize(next: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  if ((old.status?.qosClass ?? podQOSClass(old)) !== podQOSClass(next)) {
    const why = "Pod QOS Class may not change as a result of resizing";
    errors.push(invalid(SPEC, next.status?.qosClass ?? "", why));
  }
  const running = old.status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  if (running !== undefined && running.resources === undefined)
    errors.push(forbidden(SPEC, "Pod running on node without support for resize"));
  const rest = { ...next.spec };
  rest.resources = validatePodLevel(next.spec?.resources, old.spec?.resources, errors);
  const moved = LISTS.flatMap((list) => validateOrder(next.spec?.[list] ?? [], old.spec?.[list] ?? [], list));
  if (moved.length > 0) return [...errors, ...moved];
  const each = (list: (typeof LISTS)[number], check: ContainerRule): void =>
    next.spec?.[list]?.forEach((container, index) => {
      check(container, old.spec?.[list]?.[index] ?? container, SPEC.child(list).index(index), errors);
    });
  // In upstream's order.
  each("initContainers", validateNothingRemoved);
  each("containers", validateNothingRemoved);
  each("containers", (container, before) => {
    if (!isSameButForAmounts(container, before)) errors.push(forbidden(SPEC, ONLY));
  });
  each("initContainers", validateInitContainer);
  for (const list of LISTS) rest[list] = old.spec?.[list] ?? [];
  if (errors.length === 0 && !semanticEqual(rest, old.spec)) errors.push(forbidden(SPEC, ONLY));
  return errors;
}

function validateOrder(next: readonly Container[], old: readonly Container[], list: string): FieldError[] {
  const at = SPEC.child(list);
  if (next.length !== old.length) return [forbidden(at, `${list} may not be added or removed on resize`)];
  return next.flatMap(({ name }, index) =>
    name === old[index]?.name
      ? []
      : [forbidden(at.index(index).child("name"), `${list} may not be renamed or reordered on resize`)],
  );
}

type ContainerRule = (next: Container, old: Container, path: FieldPath, errors: FieldError[]) => void;

const validateNothingRemoved: ContainerRule = (next, old, path, errors) => {
  for (const kind of ["requests", "limits"] as const)
    if (isRemoved(next.resources?.[kind], old.resources?.[kind]))
      errors.push(forbidden(path.child("resources").child(kind), `resource ${kind} cannot be removed`));
};

const validateInitContainer: ContainerRule = (next, old, path, errors) => {
  if (!isSameButForAmounts(next, old))
    errors.push(forbidden(path, "only cpu and memory resources for init or sidecar containers are mutable"));
  if (next.restartPolicy === "Always" || semanticEqual(withoutNothing(next), withoutNothing(old))) return;
  for (const { restartPolicy } of next.resizePolicy ?? [])
    if (restartPolicy === "RestartContainer") {
      const why = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
      errors.push(forbidden(path, why));
    }
};

/** Whether nothing but cpu and memory differs. As upstream has it, containers that use claims are never the same. */
function isSameButForAmounts(next: Container, old: Container): boolean {
  const { requests, limits }: ResourceRequirements = restore(next.resources, old.resources);
  const resources = { ...(requests && { requests }), ...(limits && { limits }) };
  return semanticEqual(withoutNothing({ ...next, resources }), withoutNothing(old));
}

/** Returns the pod's own resources with what may change put back. */
function validatePodLevel(
  next: ResourceRequirements | undefined,
  old: ResourceRequirements | undefined,
  errors: FieldError[],
): ResourceRequirements | undefined {
  if (isEmpty(next) && isEmpty(old)) return old;
  const at = SPEC.child("resources");
  if (next === undefined) {
    errors.push(forbidden(at, "pod-level resources cannot be removed"));
    return old;
  }
  for (const kind of ["requests", "limits"] as const)
    if (isRemoved(next[kind], old?.[kind]))
      errors.push(forbidden(at.child(kind), `pod-level resource ${kind} cannot be removed`));
  if (!semanticEqual(withoutEmpty(restore(next, old)), withoutEmpty(old ?? {})))
    errors.push(forbidden(SPEC, "only cpu and memory resources are mutable at pod-level"));
  return old;
}

const isEmpty = ({ requests = {}, limits = {} }: ResourceRequirements = {}): boolean =>
  Object.keys(requests).length + Object.keys(limits).length === 0;

const isRemoved = (next: Amounts = {}, old: Amounts = {}): boolean =>
  Object.keys(old).some((name) => ownValue(next, name) === undefined);

/** The resources with cpu and memory as they were. */
function restore(next: ResourceRequirements = {}, old: ResourceRequirements = {}): ResourceRequirements {
  const amounts = (kind: "requests" | "limits"): Record<string, string> => {
    const { cpu: _cpu, memory: _memory, ...others } = next[kind] ?? {};
    const { cpu, memory } = old[kind] ?? {};
    return { ...others, ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  };
  return { ...next, requests: amounts("requests"), limits: amounts("limits") };
}

function withoutEmpty({ requests = {}, limits = {}, ...rest }: ResourceRequirements): ResourceRequirements {
  return {
    ...rest,
    ...(Object.keys(requests).length === 0 ? {} : { requests }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
}

const withoutNothing = ({ resources = {}, ...container }: Container): Container => ({
  ...container,
  resources: withoutEmpty(resources),
});
