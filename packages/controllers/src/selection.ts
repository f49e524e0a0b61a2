import { runsElsewhere, todaysName } from "./controller-names.ts";
import { compareStrings } from "./framework/objects.ts";
import type { ControllerInitializer } from "./framework/types.ts";

/**
 * The controllers that `--controllers` chooses: "*" all that are on by default, "foo" that one, "-foo" not that one; the first
 * mention of a name counts. Former names mean the same. Throws on a name that no controller has, and on one of upstream's that
 * is asked for and does not run here.
 */
export function selectControllers(
  all: readonly ControllerInitializer[],
  wanted: readonly string[] = ["*"],
): ControllerInitializer[] {
  const names = new Set(all.map(({ name }) => name));
  const entries = wanted.map(todaysName);
  for (const entry of entries) {
    const name = entry.replace(/^-/, "");
    if (entry === "*" || names.has(name) || (entry.startsWith("-") && runsElsewhere(name))) continue;
    throw new Error(
      `"${name}" is not in the list of known controllers: ${[...names].toSorted(compareStrings).join(", ")}`,
    );
  }
  return all.filter(({ name, enabledByDefault }) => {
    const entry = entries.find((candidate) => candidate === name || candidate === `-${name}`);
    return entry === undefined ? enabledByDefault && entries.includes("*") : entry === name;
  });
}
