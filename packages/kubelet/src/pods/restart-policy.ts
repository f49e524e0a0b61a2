/** Which dead containers start again. Shared by the decision what to do and by the status that announces it. */
import type { Container, Pod } from "@knots/api/core/v1";
import type { RuntimeContainer } from "../runtime/types.ts";

export type RestartPolicy = "Always" | "OnFailure" | "Never";

/** A sidecar: an init container that keeps running beside the others. */
export function isSidecar(container: Pick<Container, "restartPolicy">): boolean {
  return container.restartPolicy === "Always";
}

/** The policy of one regular container: its own when it has one, otherwise the pod's. */
export function restartPolicyOf(pod: Pod, container?: Pick<Container, "restartPolicy">): RestartPolicy {
  return (container?.restartPolicy ?? pod.spec?.restartPolicy ?? "Always") as RestartPolicy;
}

/** Whether an exit with this code is followed by a restart: the container's rules first, then its policy. */
export function restartsAfterExit(pod: Pod, container: Container, exitCode: number): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const codes = rule.exitCodes;
    if (rule.action !== "Restart" || codes === undefined) continue;
    const listed = (codes.values ?? []).includes(exitCode);
    if (listed === (codes.operator === "In")) return true;
  }
  const policy = restartPolicyOf(pod, container);
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/** Whether any failure in this pod may lead to a restart; used where no exit code exists yet. */
export function restartsOnFailure(pod: Pod, container?: Container): boolean {
  return restartPolicyOf(pod, container) !== "Never";
}

/** Whether a container that is not running should be started (again). A pod that is being deleted starts nothing. */
export function shouldBeRestarted(pod: Pod, container: Container, status: RuntimeContainer | undefined): boolean {
  if (pod.metadata?.deletionTimestamp !== undefined) return false;
  if (status === undefined) return true;
  switch (status.state) {
    case "running":
      return false;
    case "created":
    case "unknown":
      return true;
    case "exited":
      return restartsAfterExit(pod, container, status.exitCode);
  }
}
