import { expect, test } from "vitest";
import { tree } from "./teardown.ts";

const failing = (code: string): Error => Object.assign(new Error(`${code}: scandir`), { code });

/** Lists folders as given; the others cannot be listed, for the reason given. */
function listing(folders: Readonly<Record<string, readonly string[]>>, code: string): (dir: string) => string[] {
  return (dir) => {
    const found = folders[dir];
    if (found === undefined) throw failing(code);
    return found.map((name) => `${dir}/${name}`);
  };
}

test("a cgroup comes after all that is below it", () => {
  const list = listing({ "/a": ["b", "d"], "/a/b": ["c"], "/a/b/c": [], "/a/d": [] }, "EIO");
  expect(tree("/a", list)).toEqual(["/a/b/c", "/a/b", "/a/d", "/a"]);
});

test.each(["ENOENT", "ENODEV"])("a cgroup that goes away while its parent is listed is left out (%s)", (code) => {
  const list = listing({ "/a": ["gone", "b"], "/a/b": [] }, code);
  expect(tree("/a", list)).toEqual(["/a/b", "/a"]);
  expect(tree("/other", list)).toEqual([]);
});

test("a cgroup that cannot be listed for another reason is an error", () => {
  expect(() => tree("/a", listing({ "/a": ["b"] }, "EACCES"))).toThrow("EACCES");
});
