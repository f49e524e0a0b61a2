import { tableOf } from "@knots/machinery";
import type { Container, Pod, PodSpec } from "@knots/api/core/v1";

const DEPRECATED_LABELS: Readonly<Record<string, string>> = tableOf({
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
});

/** Texts about what works today but should not be written; an update that changes no spec stays silent. */
export function podWarnings(pod: Pod, old?: Pod): string[] {
  if (old && pod.metadata?.generation === old.metadata?.generation) return [];
  return podSpecWarnings(pod.spec, "spec");
}

export function podSpecWarnings(spec: PodSpec | undefined, path: string): string[] {
  if (!spec) return [];
  const warnings: string[] = [];
  for (const key in spec.nodeSelector) {
    const text = DEPRECATED_LABELS[key];
    if (text) warnings.push(`${path}.nodeSelector[${key}]: ${text}`);
  }
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  }
  const aliases = new Set<string>();
  spec.hostAliases?.forEach((alias) => {
    if (aliases.has(alias.ip)) warnings.push(`${path}.hostAliases: duplicate ip "${alias.ip}"`);
    aliases.add(alias.ip);
  });
  spec.imagePullSecrets?.forEach((secret, index) => {
    if (!secret.name) {
      warnings.push(`${path}.imagePullSecrets[${index}].name: an imagePullSecret with an empty name has no effect`);
    }
  });
  for (const list of ["initContainers", "containers"] as const) {
    spec[list]?.forEach((container, index) =>
      warnings.push(...containerWarnings(container, `${path}.${list}[${index}]`)),
    );
  }
  return warnings;
}

function containerWarnings(container: Container, path: string): string[] {
  const warnings: string[] = [];
  const names = new Set<string>();
  container.env?.forEach((variable, index) => {
    if (names.has(variable.name)) {
      const text = `hides previous definition of "${variable.name}", which may be dropped when using apply`;
      warnings.push(`${path}.env[${index}]: ${text}`);
    }
    names.add(variable.name);
  });
  const ports = new Map<string, number>();
  container.ports?.forEach((port, index) => {
    const key = `${port.protocol ?? "TCP"}/${port.containerPort}/${port.hostPort ?? 0}/${port.hostIP ?? ""}`;
    const first = ports.get(key);
    if (first !== undefined) {
      warnings.push(`${path}.ports[${index}]: duplicate port definition with ${path}.ports[${first}]`);
    } else ports.set(key, index);
  });
  return warnings;
}
