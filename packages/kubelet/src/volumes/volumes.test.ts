import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { atomicWrite } from "./atomic-writer.ts";
import type { Payload } from "./payload.ts";
import { resolveSubPath } from "./sub-path.ts";

let directory = "";
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "volumes-test-")));
});
afterEach(() => rm(directory, { recursive: true }));

const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));
const options = { now: () => Date.UTC(2026, 0, 1) };

describe("atomicWrite", () => {
  it("shows all files through one link, with their modes", async () => {
    expect(await atomicWrite(directory, payload({ a: "1", "d/b": "2" }, 0o400), options)).toBe(true);
    expect(await readFile(join(directory, "a"), "utf8")).toBe("1");
    expect(await readFile(join(directory, "d/b"), "utf8")).toBe("2");
    expect(await readlink(join(directory, "d"))).toBe("..data/d");
    expect((await stat(join(directory, "a"))).mode & 0o777).toBe(0o400);
  });

  it("changes nothing when nothing changed, and everything at once when something did", async () => {
    await atomicWrite(directory, payload({ a: "1", b: "1" }), options);
    const before = await readlink(join(directory, "..data"));
    expect(await atomicWrite(directory, payload({ a: "1", b: "1" }), options)).toBe(false);
    expect(await atomicWrite(directory, payload({ a: "2" }), options)).toBe(true);
    const after = await readlink(join(directory, "..data"));
    expect(after).not.toBe(before);
    expect((await readdir(directory)).toSorted()).toEqual(["..data", after, "a"].toSorted());
    expect(await readFile(join(directory, "a"), "utf8")).toBe("2");
  });

  it.each(["../x", "/x", "a/../../x", "", "..x"])("refuses the path %j", async (path) => {
    await expect(atomicWrite(directory, payload({ [path]: "" }), options)).rejects.toThrow("invalid path");
  });
});

describe("resolveSubPath", () => {
  it("makes what is missing and follows links that stay inside", async () => {
    expect(await resolveSubPath(directory, "x/y")).toBe(join(directory, "x/y"));
    await mkdir(join(directory, "real"));
    await symlink("real", join(directory, "link"));
    expect(await resolveSubPath(directory, "link")).toBe(join(directory, "real"));
  });

  it("does not leave the volume", async () => {
    await symlink("/etc", join(directory, "out"));
    await expect(resolveSubPath(directory, "out")).rejects.toThrow("outside the volume");
    await expect(resolveSubPath(directory, "out/new")).rejects.toThrow("outside the volume");
  });
});
