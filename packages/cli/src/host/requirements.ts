// What the machine must have before a node can run, and how to get it on Debian and its relatives.
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { UserError } from "../user-error.ts";
import { run } from "./exec.ts";

interface Requirement {
  readonly debianPackage: string;
  present(): boolean;
}

/** Finds a program on PATH or in the system folders that a login PATH may lack. */
export function which(program: string): string | undefined {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"]) {
    if (folder === "") continue;
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** The folders distributions put the standard CNI plug-ins in. */
export const CNI_BIN_DIRS = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

export function cniBinDir(): string | undefined {
  return CNI_BIN_DIRS.find((dir) => existsSync(join(dir, "ptp")) && existsSync(join(dir, "host-local")));
}

const program = (name: string, debianPackage: string): Requirement => ({
  debianPackage,
  present: () => which(name) !== undefined,
});

const REQUIREMENTS: readonly Requirement[] = [
  program("containerd", "containerd"),
  program("runc", "runc"),
  { debianPackage: "containernetworking-plugins", present: () => cniBinDir() !== undefined },
  program("nft", "nftables"),
  program("iptables", "iptables"),
  program("conntrack", "conntrack"),
  program("ip", "iproute2"),
  program("nsenter", "util-linux"),
  program("hostname", "hostname"),
  program("mount", "mount"),
  program("catatonit", "catatonit"),
];

/** Only where somebody asks for it: the store's third engine. */
const ETCD = program("etcd", "etcd-server");

/** What the tests of this repository need beside. */
const TEST_REQUIREMENTS: readonly Requirement[] = [program("docker-registry", "docker-registry"), ETCD];

export interface Wanted {
  /** What the tests of this repository need, too. */
  readonly forTests?: boolean;
  /** etcd, for `--store etcd`. */
  readonly etcd?: boolean;
}

/** Debian packages that this machine lacks. */
export function missingPackages({ forTests = false, etcd = false }: Wanted = {}): string[] {
  const further = forTests ? TEST_REQUIREMENTS : etcd ? [ETCD] : [];
  return [...REQUIREMENTS, ...further]
    .filter((requirement) => !requirement.present())
    .map((requirement) => requirement.debianPackage);
}

export function requireRoot(): void {
  if (process.getuid?.() !== 0) {
    throw new UserError("a node needs root (namespaces, mounts, kernel rules). Run it again with sudo.");
  }
}

/** Installs packages with apt; elsewhere says what to install. */
export async function installPackages(packages: readonly string[], report: (text: string) => void): Promise<void> {
  if (packages.length === 0) return;
  if (which("apt-get") === undefined) {
    throw new UserError(
      `these programs are missing: ${packages.join(", ")} (Debian's package names). Install them with this system's package manager and run it again.`,
    );
  }
  report(`installing ${packages.join(", ")}`);
  const install = async (): Promise<unknown> =>
    await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...packages], {
      env: { DEBIAN_FRONTEND: "noninteractive" },
    });
  try {
    await withoutServices(install);
  } catch {
    // The package lists may be old or absent: fetch them once and try again, and let that attempt speak.
    await run("apt-get", ["update", "-q"]);
    try {
      await withoutServices(install);
    } catch (error) {
      throw new UserError(
        `apt-get could not install ${packages.join(", ")}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

/** Debian starts a package's service on installation; Knots runs its own containerd and wants no other started on its account. */
async function withoutServices(install: () => Promise<unknown>): Promise<void> {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) {
    await install();
    return;
  }
  const { writeFileSync, rmSync } = await import("node:fs");
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await install();
  } finally {
    rmSync(policy, { force: true });
  }
}
