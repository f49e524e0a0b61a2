import type { Logger } from "@knots/machinery";

/** Something that must not happen, and what made it happen. */
export interface Defect {
  readonly what: string;
  readonly detail: string;
  readonly input: string;
}

/** Defects by where they came from: one bug is told once. */
export class Defects {
  readonly #found = new Map<string, Defect>();

  add(signature: string, defect: Defect): void {
    if (!this.#found.has(signature)) this.#found.set(signature, defect);
  }

  get all(): Defect[] {
    return [...this.#found.values()];
  }
}

/** A logger that hands on what a server says has gone wrong inside it. */
export function errorLogger(onError: (text: string, error: unknown) => void): Logger {
  const silent = (): void => undefined;
  const logger: Logger = {
    trace: silent,
    debug: silent,
    info: silent,
    warn: silent,
    error: (first: object | string, message?: string): void => {
      if (typeof first === "string") onError(first, undefined);
      else onError(message ?? "", (first as { err?: unknown }).err ?? first);
    },
    child: () => logger,
  };
  return logger;
}

/** The first frame of a stack within the packages: where an error comes from. */
export function originOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = /packages\/[^\s)]*/.exec(error.stack ?? "")?.[0];
  return `${error.name} at ${frame ?? error.message}`;
}
