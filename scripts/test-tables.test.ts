// docs/api.md and docs/workloads.md name tests: they must exist.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

interface Row {
  readonly section: string;
  readonly behaviour: string;
  readonly shown: readonly { readonly file: string; readonly title: string }[];
  readonly notShown: string | undefined;
}

/** The rows of the tables below "## SECTION: COUNT behaviours". */
function parseTables(text: string): { rows: Row[]; counts: Map<string, number> } {
  const rows: Row[] = [];
  const counts = new Map<string, number>();
  let section = "";
  for (const line of text.split("\n")) {
    const heading = /^## (\S+): (\d+) behaviours$/.exec(line);
    if (heading !== null) {
      section = heading[1] ?? "";
      counts.set(section, Number(heading[2]));
      continue;
    }
    const cells = /^\| (.+?) +\| (.+?) +\|$/.exec(line);
    if (section === "" || cells === null || cells[1] === "behaviour" || /^-+$/.test(cells[1] ?? "")) continue;
    const [, behaviour = "", cell = ""] = cells;
    const notShown = /^not shown: (.+)$/.exec(cell)?.[1];
    const shown = [...cell.matchAll(/\[[^\]]+\]\(\.\.\/([^)]+)\) "((?:[^"\\]|\\.)+)"/g)].map(
      ([, file = "", title = ""]) => ({ file, title }),
    );
    rows.push({ section, behaviour, shown: notShown === undefined ? shown : [], notShown });
  }
  return { rows, counts };
}

/** Whether a test file that runs has a test of that title. */
function hasTest(file: string, title: string): boolean {
  const path = join(ROOT, file);
  return (
    file.endsWith(".test.ts") && existsSync(path) && readFileSync(path, "utf8").includes(`(${JSON.stringify(title)}, `)
  );
}

const DOCUMENTS: readonly [file: string, counts: Readonly<Record<string, number>>][] = [
  ["docs/api.md", { "sig-api-machinery": 99, "sig-cli": 17 }],
  ["docs/workloads.md", { "sig-apps": 60, "sig-scheduling": 11, "bad-input": 13, devices: 9 }],
];

describe.each(DOCUMENTS)("%s", (file, wanted) => {
  const { rows, counts } = parseTables(readFileSync(join(ROOT, file), "utf8"));

  test("has every behaviour once, with a test or a reason", () => {
    expect(Object.fromEntries(counts)).toEqual(wanted);
    for (const [section, count] of counts)
      expect(rows.filter((row) => row.section === section).length, section).toBe(count);
    const behaviours = rows.map(({ behaviour }) => behaviour);
    expect(behaviours.filter((each, i) => behaviours.indexOf(each) !== i)).toEqual([]);
    expect(rows.filter(({ shown, notShown }) => shown.length === 0 && notShown === undefined)).toEqual([]);
  });

  test("names tests that exist", () => {
    const missing = rows.flatMap(({ shown }) => shown.filter((each) => !hasTest(each.file, each.title)));
    expect(missing).toEqual([]);
    expect(hasTest("scripts/test-tables.test.ts", "no test has this title")).toBe(false);
  });
});
