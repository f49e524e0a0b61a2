import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { atomicWrite } from "./atomic-writer.ts";
import type { PodSpec } from "@knots/api/core/v1";
import { FakeClock } from "@knots/machinery";
import { NodeVolumes } from "./node-volumes.ts";
import { payloadOf, type Payload, type PayloadContext } from "./payload.ts";
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

  it.skipIf(process.getuid?.() !== 0)("gives files to their owner, and to the group of the volume", async () => {
    const files: Payload = new Map([
      ["d/token", { data: Buffer.from("t"), mode: 0o600, uid: 1000 }],
      ["map", { data: Buffer.from("m"), mode: 0o644 }],
    ]);
    const shown = async (path: string): Promise<string> => {
      const { mode, uid, gid } = await stat(join(directory, path));
      return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
    };
    await atomicWrite(directory, files, options);
    expect([await shown("d/token"), await shown("map"), await shown("d")]).toEqual([
      "600 1000:0",
      "644 0:0",
      "755 0:0",
    ]);
    await rm(join(directory, "..data"));
    await atomicWrite(directory, files, { ...options, fsGroup: 2000 });
    expect([await shown("d/token"), await shown("map"), await shown("d")]).toEqual([
      "640 1000:2000",
      "644 0:2000",
      "2755 0:2000",
    ]);
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

describe("payloadOf", () => {
  const token = async (spec: Partial<PodSpec>): Promise<unknown> => {
    const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c" }], ...spec } };
    const sources = [{ serviceAccountToken: { path: "token" } }];
    const context = { serviceAccountToken: () => Promise.resolve("t") } as unknown as PayloadContext;
    const { mode, uid } = (await payloadOf(pod, { name: "v", projected: { sources } }, context))?.get("token") ?? {};
    return [mode, uid];
  };
  const container = (runAsUser?: number): PodSpec["containers"][number] => ({
    name: "c",
    ...(runAsUser === undefined ? {} : { securityContext: { runAsUser } }),
  });

  it.each<[string, Partial<PodSpec>, number, number | undefined]>([
    ["everybody's where no user is known", {}, 0o644, undefined],
    ["the user's of all containers", { securityContext: { runAsUser: 1000 } }, 0o600, 1000],
    ["the user's of each", { containers: [container(7), container(7)] }, 0o600, 7],
    ["everybody's where users differ", { containers: [container(7), container(8)] }, 0o644, undefined],
    ["everybody's where one has none", { containers: [container(7), container()] }, 0o644, undefined],
    ["of init containers, too", { initContainers: [container(8)], containers: [container(7)] }, 0o644, undefined],
    ["the group's", { securityContext: { fsGroup: 2000 } }, 0o600, undefined],
  ])("makes a token %s", async (_what, spec, mode, uid) => {
    expect(await token(spec)).toEqual([mode, uid]);
  });
});

describe("resolveSubPath", () => {
  it("makes what is missing and follows links that stay inside", async () => {
    expect(await resolveSubPath(directory, "x/y")).toBe(join(directory, "x/y"));
    await mkdir(join(directory, "real"));
    await symlink("real", join(directory, "link"));
    expect(await resolveSubPath(directory, "link")).toBe(join(directory, "real"));
  });

  it("gives what it makes the mode of the volume, and leaves what is there", async () => {
    await mkdir(join(directory, "old"), { mode: 0o700 });
    await chmod(directory, 0o3777);
    const modeOf = async (path: string): Promise<number> =>
      (await stat(await resolveSubPath(directory, path))).mode & 0o7777;
    expect(await modeOf("x/y")).toBe(0o3777);
    expect(await modeOf("old/new")).toBe(0o3777);
    expect(await modeOf("old")).toBe(0o700);
  });

  it("does not leave the volume", async () => {
    await symlink("/etc", join(directory, "out"));
    await expect(resolveSubPath(directory, "out")).rejects.toThrow("outside the volume");
    await expect(resolveSubPath(directory, "out/new")).rejects.toThrow("outside the volume");
  });
});

describe("an emptyDir", () => {
  const modeOf = async (emptyDir: { medium?: string }, fsGroup?: number): Promise<string> => {
    const volumes = new NodeVolumes({
      rootDir: directory,
      clock: new FakeClock(),
      payloadContext: () => {
        throw new Error("an emptyDir needs no payload");
      },
    });
    const spec: PodSpec = {
      containers: [],
      volumes: [{ name: "v", emptyDir }],
      ...(fsGroup === undefined ? {} : { securityContext: { fsGroup } }),
    };
    const mounted = await volumes.mountPod({ metadata: { name: "p", namespace: "d", uid: "u" }, spec });
    try {
      const { mode, gid } = await stat(mounted.get("v")?.hostPath ?? "");
      return `${(mode & 0o7777).toString(8)} ${gid}`;
    } finally {
      await volumes.unmountPod("u");
    }
  };

  it.skipIf(process.getuid?.() !== 0)("is everybody's; in memory only owners delete, as in /tmp", async () => {
    expect(await modeOf({})).toBe("777 0");
    expect(await modeOf({}, 123)).toBe("2777 123");
    expect(await modeOf({ medium: "Memory" })).toBe("1777 0");
    expect(await modeOf({ medium: "Memory" }, 123)).toBe("3777 123");
  });
});
