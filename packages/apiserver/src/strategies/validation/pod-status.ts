// What a write of a pod's status may say (upstream: ValidatePodStatusUpdate).
import type { Container, ContainerStatus, Pod, PodSpec } from "@knots/api/core/v1";
import { isQualifiedName } from "@knots/machinery";
import { isIP } from "node:net";
import type { FieldError } from "../field.ts";
import { FieldPath, duplicate, forbidden, invalid } from "../field.ts";
import { forEachRepeated } from "./repeated.ts";
import { IMMUTABLE, nameIsDNSSubdomain } from "./names.ts";
import { validateClaimStatuses, validateExtendedClaimStatus } from "./pod-claim-status.ts";

const STATUS = FieldPath.root("status");
// Upstream looks for them there.
const CONDITIONS = FieldPath.root("metadata").child("conditions");
const OF_THE_SYSTEM = ["PodScheduled", "Ready", "Initialized"];

/** Terminated containers do not come back to life where nothing restarts them; IPs are addresses, one of each family. */
export function validatePodStatusUpdate(next: Pod, old: Pod, errors: FieldError[]): void {
  const { status = {} } = next;
  const spec = old.spec ?? { containers: [] };
  status.conditions?.forEach(({ type }, index) => {
    if (OF_THE_SYSTEM.includes(type)) return;
    for (const message of isQualifiedName(type))
      errors.push(invalid(CONDITIONS.index(index).child("Type"), type, message));
  });
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== old.status?.nominatedNodeName)
    for (const message of nameIsDNSSubdomain(nominated, false))
      errors.push(invalid(STATUS.child("nominatedNodeName"), nominated, message));
  if ((status.qosClass ?? "") !== (old.status?.qosClass ?? ""))
    errors.push(invalid(STATUS.child("qosClass"), status.qosClass ?? "", IMMUTABLE));
  if (spec.restartPolicy !== undefined && spec.restartPolicy !== "Always") {
    validateTransitions(
      status.containerStatuses,
      old.status?.containerStatuses,
      "containerStatuses",
      errors,
      (name, code) => startsAgain(spec, spec.containers, name, code),
    );
    validateTransitions(
      status.initContainerStatuses,
      old.status?.initContainerStatuses,
      "initContainerStatuses",
      errors,
      (name, code) => startsAgain(spec, spec.initContainers ?? [], name, code),
    );
  }
  const ephemeral = "ephemeralContainerStatuses";
  validateTransitions(status[ephemeral], old.status?.[ephemeral], ephemeral, errors, () => false);
  validateClaimStatuses(next, STATUS.child("resourceClaimStatuses"), errors);
  validateExtendedClaimStatus(next, STATUS.child("extendedResourceClaimStatus"), errors);
  if (status.podIPs !== undefined) validateIPs(status.podIPs, STATUS.child("podIPs"), errors);
  const [first] = status.hostIPs ?? [];
  if (first !== undefined && first.ip !== status.hostIP)
    errors.push(invalid(STATUS.child("hostIPs").index(0).child("ip"), first.ip, "must be equal to `hostIP`"));
  if (status.hostIPs !== undefined) validateIPs(status.hostIPs, STATUS.child("hostIPs"), errors);
}

function validateTransitions(
  next: readonly ContainerStatus[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  list: string,
  errors: FieldError[],
  mayRestart: (name: string, exitCode: number) => boolean,
): void {
  old?.forEach(({ name, state }, index) => {
    if (state?.terminated === undefined || mayRestart(name, state.terminated.exitCode)) return;
    const after = next?.find((each) => each.name === name);
    if (after === undefined || after.state?.terminated !== undefined) return;
    const why = "may not be transitioned to non-terminated state";
    errors.push(forbidden(STATUS.child(list).index(index).child("state"), why));
  });
}

/** Whether the kubelet starts a container after such an exit: by its rules, its own policy, the pod's (KEP-5307, KEP-5532). */
function startsAgain(spec: PodSpec, containers: readonly Container[], name: string, exitCode: number): boolean {
  if ([...(spec.initContainers ?? []), ...spec.containers].some(restartsAll)) return true;
  const container = containers.find((each) => each.name === name);
  const rule = container?.restartPolicyRules?.find(
    ({ exitCodes }) =>
      exitCodes !== undefined && (exitCodes.values ?? []).includes(exitCode) === (exitCodes.operator === "In"),
  );
  if (rule?.action === "Restart") return true;
  const policy = container?.restartPolicy ?? spec.restartPolicy;
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

const restartsAll = ({ restartPolicyRules }: Container): boolean =>
  restartPolicyRules?.some(({ action }) => action === "RestartAllContainers") === true;

function validateIPs(ips: readonly { readonly ip?: string }[], path: FieldPath, errors: FieldError[]): void {
  ips.forEach(({ ip = "" }, index) => {
    if (isIP(ip) === 0)
      errors.push(invalid(path.index(index), ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
  });
  if (ips.length < 2) return;
  const families = new Set(ips.map(({ ip = "" }) => isIP(ip)));
  if (families.size < 2 || ips.length > 2)
    errors.push(invalid(path, ips, "may specify no more than one IP for each IP family"));
  forEachRepeated(
    ips,
    ({ ip }) => ip,
    (each, index) => errors.push(duplicate(path.index(index), each)),
  );
}
