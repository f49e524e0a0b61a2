/** What the containers of a simulated pod do: read from the pod's annotations. Pure. */
import { parseDuration } from "@knots/machinery";

/** Time from a container's start until it is ready; for readiness probes, too. */
export const READY_AFTER = "knots.dev/simulate-ready-after";
/** Time from a container's start until it ends by itself. Without it and without an exit code it runs until it is stopped. */
export const EXIT_AFTER = "knots.dev/simulate-exit-after";
/** What it ends with; 0 where only the time is given. */
export const EXIT_CODE = "knots.dev/simulate-exit-code";

export type Annotations = Readonly<Record<string, string>> | undefined;

export interface Exit {
  readonly exitCode: number;
  readonly afterMs: number;
}

/** When and how each of the pod's containers ends; undefined: it does not. Throws where an annotation cannot be read. */
export function exitOf(annotations: Annotations): Exit | undefined {
  const after = annotations?.[EXIT_AFTER];
  const code = annotations?.[EXIT_CODE];
  if (after === undefined && code === undefined) return undefined;
  const exitCode = Number(code ?? 0);
  if (!Number.isInteger(exitCode) || exitCode < 0 || exitCode > 255)
    throw new Error(
      `annotation ${EXIT_CODE}: ${JSON.stringify(code)} is no exit code; give a whole number from 0 to 255`,
    );
  return { exitCode, afterMs: after === undefined ? 0 : durationOf(EXIT_AFTER, after) };
}

/** Milliseconds from start to ready; undefined: at once. */
export function readyAfterOf(annotations: Annotations): number | undefined {
  const after = annotations?.[READY_AFTER];
  return after === undefined ? undefined : durationOf(READY_AFTER, after);
}

/** When a container of the pod ends; throws where any of the pod's annotations cannot be read. */
export function fateOf(annotations: Annotations): Exit | undefined {
  readyAfterOf(annotations);
  return exitOf(annotations);
}

function durationOf(annotation: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new Error(`annotation ${annotation}: ${JSON.stringify(text)} is no duration such as 2s or 1m30s`, {
      cause: error,
    });
  }
}
