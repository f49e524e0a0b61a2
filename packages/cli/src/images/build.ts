// Makes an image of a recipe: packages unpacked into one layer, written as an archive that containerd imports.
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  lstatSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { cacheDir } from "../cluster/paths.ts";
import { run } from "../host/exec.ts";
import { which } from "../host/requirements.ts";
import { UserError } from "../user-error.ts";
import { RECIPES, type Recipe } from "./recipes.ts";

/** What a program in a container never opens. */
const UNWANTED = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/locale",
  "usr/share/lintian",
  "usr/share/bash-completion",
  "usr/share/zsh",
  "lib/systemd",
  "usr/lib/systemd",
  "etc/init.d",
  "etc/systemd",
  "usr/share/initramfs-tools",
  "usr/lib/x86_64-linux-gnu/gconv",
  "usr/lib/x86_64-linux-gnu/audit",
];

/** The archive of an image in the cache; its name changes with the recipe, so an old one is never taken for a new. */
export function archiveFile(recipe: Recipe): string {
  const digest = createHash("sha256")
    .update(JSON.stringify(recipe))
    .update(recipe.node === true ? process.version : "")
    .digest("hex")
    .slice(0, 12);
  return join(cacheDir(), "images", `${recipe.image.replace(/^.*\//, "").replace(":", "-")}-${digest}.tar`);
}

/** Recipes whose archive is not in the cache. */
export function missingArchives(recipes: readonly Recipe[] = RECIPES): Recipe[] {
  return recipes.filter((recipe) => !existsSync(archiveFile(recipe)));
}

/** Builds one image and returns its archive's path. Throws UserError when a package cannot be had. */
export async function buildImage(recipe: Recipe): Promise<string> {
  const file = archiveFile(recipe);
  if (existsSync(file)) return file;
  for (const tool of ["apt-get", "dpkg-deb", "tar"]) {
    if (which(tool) === undefined)
      throw new UserError(
        `images are made with ${tool}, which this machine lacks; bring them with "knots image load FILE.tar" instead.`,
      );
  }
  const work = mkdtempSync(join(tmpdir(), "knots-image-"));
  try {
    const root = join(work, "rootfs");
    mkdirSync(root, { mode: 0o755 });
    await unpackPackages(recipe, work, root);
    furnish(recipe, root);
    await writeArchive(recipe, work, root, file);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return file;
}

async function unpackPackages(recipe: Recipe, work: string, root: string): Promise<void> {
  const debs = join(work, "debs");
  mkdirSync(debs);
  const download = async (): Promise<unknown> =>
    await run("apt-get", ["download", "-q", "-o", "APT::Sandbox::User=root", ...recipe.packages], { cwd: debs });
  try {
    await download();
  } catch {
    await run("apt-get", ["update", "-q"]);
    try {
      await download();
    } catch (error) {
      throw new UserError(
        `the packages of image ${recipe.image} cannot be downloaded: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  const unpacked = recipe.only === undefined ? root : join(work, "unpacked");
  mkdirSync(unpacked, { recursive: true });
  for (const deb of readdirSync(debs).toSorted()) {
    // Debian 12's packages hold /lib and /bin as folders; through tar they follow the links of a merged tree.
    mergeUsr(unpacked);
    await run("sh", [
      "-c",
      'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
      "sh",
      join(debs, deb),
      unpacked,
    ]);
  }
  for (const path of recipe.only ?? []) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(join(unpacked, path), join(root, path));
    chmodSync(join(root, path), 0o755);
  }
  for (const path of UNWANTED) rmSync(join(root, path), { recursive: true, force: true });
}

function mergeUsr(root: string): void {
  for (const dir of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(root, "usr", dir), { recursive: true });
    if (!existsSync(join(root, dir))) symlinkSync(join("usr", dir), join(root, dir));
  }
}

/** Applets that the busybox of Debian offers become links, unless a real program bears the name. */
const APPLETS =
  "ash awk base64 basename cat chgrp chmod chown clear cmp cp cut date dd df diff dirname du echo egrep env expr false fgrep find fold free grep gunzip gzip head hexdump hostname httpd id ifconfig ip kill less ln ls md5sum mkdir mkfifo mknod mktemp more mount mv nc netstat nslookup od pgrep pidof ping pkill printf ps pwd readlink realpath rm rmdir route sed seq sh sha256sum sleep sort stat strings stty sync tail tar tee telnet test time timeout top touch tr traceroute true tty umount uname uniq unlink uptime usleep vi watch wc wget which whoami xargs yes zcat".split(
    " ",
  );

function furnish(recipe: Recipe, root: string): void {
  const busybox = ["usr/bin/busybox", "bin/busybox"].find((path) => existsSync(join(root, path)));
  if (busybox !== undefined) {
    for (const applet of APPLETS) {
      const link = join(root, "usr/bin", applet);
      if (!present(link)) symlinkSync("busybox", link);
    }
  }
  if (recipe.node === true) {
    mkdirSync(join(root, "usr/local/bin"), { recursive: true });
    copyFileSync(process.execPath, join(root, "usr/local/bin/node"));
    chmodSync(join(root, "usr/local/bin/node"), 0o755);
  }
  for (const dir of ["tmp", "proc", "sys", "dev", "etc", "root", "var/tmp", ...(recipe.directories ?? [])])
    mkdirSync(join(root, dir), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  for (const dir of recipe.directories ?? []) chmodSync(join(root, dir), 0o777);
  for (const [path, text] of Object.entries(recipe.files ?? {})) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    rmSync(join(root, path), { force: true });
    writeFileSync(join(root, path), text, { mode: 0o644 });
  }
}

function present(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The layout `docker save` writes, which containerd's import reads. */
async function writeArchive(recipe: Recipe, work: string, root: string, file: string): Promise<void> {
  const out = join(work, "archive");
  mkdirSync(join(out, "layer"), { recursive: true });
  const layer = join(out, "layer", "layer.tar");
  await run("tar", [
    "-c",
    "--numeric-owner",
    "--owner=0",
    "--group=0",
    "--sort=name",
    "--mtime=@0",
    "-f",
    layer,
    "-C",
    root,
    ".",
  ]);
  const diffId = createHash("sha256").update(readFileSync(layer)).digest("hex");
  const config = JSON.stringify({
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: {
      ...(recipe.entrypoint === undefined ? {} : { Entrypoint: recipe.entrypoint }),
      ...(recipe.command === undefined ? {} : { Cmd: recipe.command }),
      ...(recipe.env === undefined ? {} : { Env: recipe.env }),
      ...(recipe.user === undefined ? {} : { User: recipe.user }),
      ...(recipe.workingDir === undefined ? {} : { WorkingDir: recipe.workingDir }),
      ...(recipe.ports === undefined
        ? {}
        : { ExposedPorts: Object.fromEntries(recipe.ports.map((port) => [`${port}/tcp`, {}])) }),
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${diffId}`] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: "knots image build" }],
  });
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  writeFileSync(join(out, configName), config);
  writeFileSync(
    join(out, "manifest.json"),
    JSON.stringify([{ Config: configName, RepoTags: [recipe.image], Layers: ["layer/layer.tar"] }]),
  );
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  await run("tar", ["-c", "-f", `${file}.new`, "-C", out, "."]);
  renameSync(`${file}.new`, file);
}
