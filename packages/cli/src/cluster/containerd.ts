// containerd's configuration for a node: own root, state and socket, so that any number run side by side and beside the machine's own.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { NodePaths } from "./paths.ts";

/** CAP_SYS_RESOURCE is bit 24 of the effective set in /proc/self/status. Without it oom_score_adj cannot be lowered. */
export function hasSysResource(status = readFileSync("/proc/self/status", "utf8")): boolean {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(status);
  return match?.[1] !== undefined && (BigInt(`0x${match[1]}`) & (1n << 24n)) !== 0n;
}

export const PAUSE_IMAGE = "registry.k8s.io/pause:3.10";

export function containerdConfig(
  paths: NodePaths,
  options: { cniBinDir: string; restrictOomScoreAdj: boolean; runcPath: string },
): string {
  return `version = 2
root = ${JSON.stringify(paths.containerdRoot)}
state = ${JSON.stringify(paths.containerdState)}
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.tracing", "io.containerd.internal.v1.opt"]

[grpc]
  address = ${JSON.stringify(paths.containerdSocket)}

[ttrpc]
  address = ${JSON.stringify(`${paths.containerdSocket}.ttrpc`)}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = ${options.restrictOomScoreAdj}
  disable_apparmor = true
  enable_selinux = false
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = true
  max_container_log_line_size = 16384
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = ${JSON.stringify(options.runcPath)}
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${JSON.stringify(options.cniBinDir)}
    conf_dir = ${JSON.stringify(paths.cniConf)}
    max_conf_num = 1
`;
}

/** Makes a node's folders and containerd's configuration. */
export function writeContainerdConfig(paths: NodePaths, options: Parameters<typeof containerdConfig>[1]): void {
  for (const dir of [
    paths.containerdRoot,
    paths.containerdState,
    paths.kubeletRoot,
    paths.podLogs,
    paths.manifests,
    paths.cniConf,
    paths.cniData,
  ]) {
    mkdirSync(dir, { recursive: true, mode: 0o711 });
  }
  writeFileSync(paths.containerdConfig, containerdConfig(paths, options), { mode: 0o600 });
}
