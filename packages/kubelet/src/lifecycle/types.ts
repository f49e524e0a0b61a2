/** The seam between the pod workers and the lifecycle hooks of containers. */
import type { Container, LifecycleHandler, Pod } from "@knots/api/core/v1";

export interface HookRunner {
  /** Resolves when the hook succeeded. Rejects with the message for FailedPostStartHook or FailedPreStopHook. */
  run(
    pod: Pod,
    container: Container,
    containerID: string,
    podIP: string,
    handler: LifecycleHandler,
    signal: AbortSignal,
  ): Promise<void>;
}
