// Logs: one line of text an entry on standard error, fields as key=value. Secrets are the caller's to keep out.

interface Log {
  (fields: object, message: string): void;
  (message: string): void;
}

export interface Logger {
  readonly trace: Log;
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
  child(bindings: object): Logger;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

const RANK: Readonly<Record<string, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, silent: 5 };

function render(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === "string") return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "undefined";
}

function fieldsText(fields: object): string {
  let text = "";
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) text += ` ${key}=${render(value)}`;
  return text;
}

/** A logger that writes lines such as `2026-01-01T00:00:00.000Z INFO kubelet pod started pod=default/web`. */
export function newLogger(options: {
  name: string;
  /** A function where the level may change while the logger is in use. */
  level?: string | (() => string);
  write?: (line: string) => void;
}): Logger {
  const write = options.write ?? ((line: string): void => void process.stderr.write(line));
  const { level: given = "info" } = options;
  const unheard = (level: string): boolean =>
    (RANK[level] ?? 2) < (RANK[typeof given === "function" ? given() : given] ?? 2);
  const make = (bound: string): Logger => {
    const at = (level: string): Log => {
      if (typeof given !== "function" && unheard(level)) return () => undefined;
      const label = level.toUpperCase();
      return (first: object | string, message?: string): void => {
        if (unheard(level)) return;
        const fields = typeof first === "string" ? "" : fieldsText(first);
        write(
          `${new Date().toISOString()} ${label} ${options.name} ${typeof first === "string" ? first : (message ?? "")}${bound}${fields}\n`,
        );
      };
    };
    return {
      trace: at("trace"),
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (bindings) => make(bound + fieldsText(bindings)),
    };
  };
  return make("");
}

const silent: Log = () => undefined;

export const nullLogger: Logger = {
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  child: () => nullLogger,
};
