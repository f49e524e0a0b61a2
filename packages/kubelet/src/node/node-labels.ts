/** The labels every node carries. */
import { goArch } from "./machine-info.ts";

export function nodeLabels(hostname: string): Record<string, string> {
  const arch = goArch();
  return {
    "beta.kubernetes.io/arch": arch,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": arch,
    "kubernetes.io/hostname": hostname,
    "kubernetes.io/os": "linux",
  };
}
