import { ownValue } from "@knots/machinery";
import { semanticEqual } from "../equality.ts";

/** Lines "  path: old → new" for what differs, so that a person sees which field was refused. */
export function describeDifference(next: unknown, old: unknown): string {
  const lines: string[] = [];
  collect(next, old, "", lines);
  return lines.join("\n");
}

function collect(next: unknown, old: unknown, path: string, lines: string[]): void {
  if (semanticEqual(next, old)) return;
  if (isContainer(next) && isContainer(old) && Array.isArray(next) === Array.isArray(old)) {
    const left = next as Record<string, unknown>;
    const right = old as Record<string, unknown>;
    for (const key of new Set([...Object.keys(right), ...Object.keys(left)])) {
      const step = Array.isArray(next) ? `[${key}]` : path === "" ? key : `.${key}`;
      collect(ownValue(left, key), ownValue(right, key), `${path}${step}`, lines);
    }
    return;
  }
  lines.push(`- ${path}: ${show(old)}`, `+ ${path}: ${show(next)}`);
}

const isContainer = (value: unknown): value is object => typeof value === "object" && value !== null;
const show = (value: unknown): string => (value === undefined ? "<absent>" : JSON.stringify(value));
