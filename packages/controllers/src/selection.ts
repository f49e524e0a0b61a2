import { compareStrings } from "./framework/objects.ts";
import type { ControllerInitializer } from "./framework/types.ts";

/**
 * The controllers that `--controllers` chooses: "*" all that are on by default, "foo" that one, "-foo" not that one; the first
 * mention of a name counts. Throws on a name that no controller has.
 */
export function selectControllers(
  all: readonly ControllerInitializer[],
  wanted: readonly string[] = ["*"],
): ControllerInitializer[] {
  const names = new Set(all.map(({ name }) => name));
  for (const entry of wanted) {
    const name = entry.replace(/^-/, "");
    if (entry !== "*" && !names.has(name)) {
      throw new Error(
        `"${name}" is not in the list of known controllers: ${[...names].toSorted(compareStrings).join(", ")}`,
      );
    }
  }
  return all.filter(({ name, enabledByDefault }) => {
    const entry = wanted.find((candidate) => candidate === name || candidate === `-${name}`);
    return entry === undefined ? enabledByDefault && wanted.includes("*") : entry === name;
  });
}
