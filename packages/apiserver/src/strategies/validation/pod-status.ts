// What a write of a pod's status may say (upstream: ValidatePodStatusUpdate).
import type { Container, ContainerStatus, Pod, PodSpec } from "@knots/api/core/v1";
import { isQualifiedName } from "@knots/machinery";
import type { FieldError } from "../field.ts";
import { FieldPath, forbidden, invalid } from "../field.ts";
import { validateLegacyIp } from "./addresses.ts";
import { validateContainerStatuses } from "./container-status.ts";
import { IMMUTABLE, nameIsDNSSubdomain } from "./names.ts";
import { validateClaimStatuses, validateExtendedClaimStatus } from "./pod-claim-status.ts";

const STATUS = FieldPath.root("status");
const NOT_NEGATIVE = "must be a non-negative integer";
const OF_THE_SYSTEM = ["PodScheduled", "Ready", "Initialized"];

/** Terminated containers do not come back to life where nothing restarts them; IPs are addresses, one of each family. */
export function validatePodStatusUpdate(next: Pod, old: Pod, errors: FieldError[]): void {
  const { status = {} } = next;
  const spec = old.spec ?? { containers: [] };
  status.conditions?.forEach(({ type, observedGeneration = 0 }, index) => {
    const at = STATUS.child("conditions").index(index);
    if (observedGeneration < 0) errors.push(invalid(at.child("observedGeneration"), observedGeneration, NOT_NEGATIVE));
    if (OF_THE_SYSTEM.includes(type)) return;
    // Upstream names the field of its struct.
    for (const message of isQualifiedName(type)) errors.push(invalid(at.child("Type"), type, message));
  });
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== old.status?.nominatedNodeName) {
    const at = STATUS.child("nominatedNodeName");
    for (const message of nameIsDNSSubdomain(nominated, false)) errors.push(invalid(at, nominated, message));
    if (spec.nodeName) errors.push(forbidden(at, "may not be set on pods that are already bound to a node"));
  }
  const { observedGeneration = 0 } = status;
  if (observedGeneration < 0)
    errors.push(invalid(STATUS.child("observedGeneration"), observedGeneration, NOT_NEGATIVE));
  if ((status.qosClass ?? "") !== (old.status?.qosClass ?? ""))
    errors.push(invalid(STATUS.child("qosClass"), status.qosClass ?? "", IMMUTABLE));
  for (const [list, containers] of [
    ["containerStatuses", spec.containers],
    ["initContainerStatuses", spec.initContainers],
    ["ephemeralContainerStatuses", undefined],
  ] as const)
    validateTransitions(status[list], old.status?.[list], containers, spec, STATUS.child(list), errors);
  validateClaimStatuses(next, STATUS.child("resourceClaimStatuses"), errors);
  validateExtendedClaimStatus(next, STATUS.child("extendedResourceClaimStatus"), errors);
  if (status.podIPs !== undefined) validateIPs(status.podIPs, old.status?.podIPs, STATUS.child("podIPs"), errors);
  const [first] = status.hostIPs ?? [];
  if (first !== undefined && first.ip !== status.hostIP)
    errors.push(invalid(STATUS.child("hostIPs").index(0).child("ip"), first.ip, "must be equal to `hostIP`"));
  if (status.hostIPs !== undefined) validateIPs(status.hostIPs, old.status?.hostIPs, STATUS.child("hostIPs"), errors);
  validateContainerStatuses(next, STATUS, errors);
}

/** `containers` are those that can start again at all. */
function validateTransitions(
  next: readonly ContainerStatus[] = [],
  old: readonly ContainerStatus[] = [],
  containers: readonly Container[] | undefined,
  spec: PodSpec,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!old.some(({ state }) => state?.terminated !== undefined)) return;
  if (containers !== undefined && [...(spec.initContainers ?? []), ...spec.containers].some(restartsAll)) return;
  const byName = new Map(containers?.map((container) => [container.name, container]));
  const alive = new Set(next.filter(({ state }) => state?.terminated === undefined).map(({ name }) => name));
  old.forEach(({ name, state }, index) => {
    if (state?.terminated === undefined || !alive.has(name)) return;
    const container = byName.get(name);
    if (container !== undefined && startsAgain(container, spec, state.terminated.exitCode)) return;
    errors.push(forbidden(path.index(index).child("state"), "may not be transitioned to non-terminated state"));
  });
}

/** Whether the kubelet starts a container after such an exit: by its rules, its own policy, the pod's (KEP-5307, KEP-5532). */
function startsAgain({ restartPolicyRules, restartPolicy }: Container, spec: PodSpec, exitCode: number): boolean {
  const rule = restartPolicyRules?.find(
    ({ exitCodes }) =>
      exitCodes !== undefined && (exitCodes.values ?? []).includes(exitCode) === (exitCodes.operator === "In"),
  );
  if (rule?.action === "Restart") return true;
  const policy = restartPolicy ?? spec.restartPolicy;
  return policy === "OnFailure" ? exitCode !== 0 : policy !== "Never";
}

const restartsAll = ({ restartPolicyRules }: Container): boolean =>
  restartPolicyRules?.some(({ action }) => action === "RestartAllContainers") === true;

interface IP {
  readonly ip?: string;
}

/** One address of each family; what was there before may be written as nobody writes it any more. */
function validateIPs(ips: readonly IP[], old: readonly IP[] | undefined, path: FieldPath, errors: FieldError[]): void {
  const known = new Set((old ?? []).map(({ ip = "" }) => ip));
  const families = ips.map(({ ip = "" }, index) => validateLegacyIp(ip, path.index(index), errors, known)?.family);
  if (ips.length < 2) return;
  const wrong = families.indexOf(undefined);
  if (wrong >= 0) {
    const detail = `failed to check for dual stack with error:invalid IP[${wrong}]: <nil>`;
    errors.push({ type: "InternalError", field: path.toString(), detail });
  }
  if (wrong >= 0 || ips.length > 2 || families[0] === families[1])
    errors.push(invalid(path, ips, "may specify no more than one IP for each IP family"));
}
