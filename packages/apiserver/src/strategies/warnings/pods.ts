// What works today but should not be written (upstream: pkg/api/pod/warnings.go), for pods and templates of pods.
import type {
  Affinity,
  Container,
  ContainerPort,
  PodAffinityTerm,
  PodSpec,
  PodTemplateSpec,
  WeightedPodAffinityTerm,
} from "@knots/api/core/v1";
import { isDNS1123Label } from "@knots/machinery";
import type { KubeObject, ObjectMeta } from "@knots/machinery";
import { ipWarnings } from "./addresses.ts";
import { fractionWarnings } from "./fractions.ts";
import { deprecatedKeys, deprecatedNodeLabel, nodeSelectorTermWarnings } from "./node-labels.ts";
import { overlapWarnings, volumeWarnings } from "./pod-volumes.ts";

const ANNOTATIONS = {
  "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
  "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
  "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
};
const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/";
export const APPARMOR_CONTAINER = "container.apparmor.security.beta.kubernetes.io/";
const NO_SELECTOR = "a null labelSelector results in matching no pod";

/** Of a name that becomes part of host names. */
export function podNameWarnings({ metadata }: KubeObject, where = "Pod names and hostnames"): string[] {
  const problems = isDNS1123Label(metadata?.name ?? "");
  if (problems.length === 0) return [];
  return [
    `metadata.name: this is used in ${where}, which can result in surprising behavior; a DNS label is recommended: [${problems.join(" ")}]`,
  ];
}

/** `path` is that of the template. */
export function podTemplateWarnings(template: PodTemplateSpec | undefined, path: string): string[] {
  return specAndMetaWarnings(template?.spec, template?.metadata, `${path}.`, true);
}

export function podSpecWarnings(spec: PodSpec | undefined, metadata: ObjectMeta | undefined): string[] {
  return specAndMetaWarnings(spec, metadata, "", false);
}

function specAndMetaWarnings(
  spec: PodSpec | undefined,
  metadata: ObjectMeta | undefined,
  prefix: string,
  isTemplate: boolean,
): string[] {
  if (spec === undefined) return [];
  const path = `${prefix}spec`;
  const annotations = metadata?.annotations ?? {};
  const annotation = (key: string, text: string): string[] =>
    annotations[key] === undefined ? [] : [`${prefix}metadata.annotations[${key}]: ${text}`];
  const containers = containersOf(spec, path);
  return [
    ...schedulingWarnings(spec, path),
    ...Object.entries(ANNOTATIONS).flatMap(([key, text]) => annotation(key, text)),
    ...volumeWarnings(spec.volumes ?? [], `${path}.volumes`),
    ...overlapWarnings(spec.volumes ?? []),
    ...listWarnings(spec, path),
    ...(spec.securityContext?.seccompProfile === undefined ? annotation(SECCOMP_POD, SECCOMP) : []),
    ...containers.flatMap(([container, at]) => [
      ...(container.securityContext?.seccompProfile === undefined
        ? annotation(SECCOMP_CONTAINER + container.name, SECCOMP)
        : []),
      // A pod's own annotations become fields, and are warned of there.
      ...(isTemplate &&
      (spec.securityContext?.appArmorProfile ?? container.securityContext?.appArmorProfile) === undefined
        ? annotation(APPARMOR_CONTAINER + container.name, APPARMOR)
        : []),
      ...containerWarnings(container, at),
    ]),
    ...portWarnings(containers),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
    ...podAffinityWarnings(spec.affinity, `${path}.affinity`),
    ...(spec.dnsConfig?.nameservers ?? []).flatMap((ip, index) =>
      ipWarnings(ip, `${path}.dnsConfig.nameservers[${index}]`),
    ),
    ...(spec.hostAliases ?? []).flatMap(({ ip }, index) => ipWarnings(ip, `${path}.hostAliases[${index}].ip`)),
  ];
}

const SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead';
export const APPARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead';

/** Containers in upstream's order, with their paths. */
function containersOf(spec: PodSpec, path: string): [Container, string][] {
  return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
    ((spec[list] ?? []) as Container[]).map((each, index): [Container, string] => [each, `${path}.${list}[${index}]`]),
  );
}

function schedulingWarnings({ nodeSelector, affinity, topologySpreadConstraints }: PodSpec, path: string): string[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution } =
    affinity?.nodeAffinity ?? {};
  const at = `${path}.affinity.nodeAffinity`;
  return [
    ...deprecatedKeys(nodeSelector).map(([key, text]) => `${path}.nodeSelector[${key}]: ${text}`),
    ...(required?.nodeSelectorTerms ?? []).flatMap((term, index) =>
      nodeSelectorTermWarnings(
        term,
        `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`,
      ),
    ),
    ...(preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ preference }, index) =>
      nodeSelectorTermWarnings(
        preference,
        `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`,
      ),
    ),
    ...(topologySpreadConstraints ?? []).flatMap(({ topologyKey, labelSelector }, index) => {
      const where = `${path}.topologySpreadConstraints[${index}]`;
      const text = deprecatedNodeLabel(topologyKey);
      return [
        ...(text === undefined ? [] : [`${where}.topologyKey: ${topologyKey} is ${text}`]),
        ...(labelSelector === undefined ? [`${where}.labelSelector: ${NO_SELECTOR}`] : []),
      ];
    }),
  ];
}

/** Names and addresses that are there twice, or say nothing, and parts of bytes. */
function listWarnings({ hostAliases = [], imagePullSecrets = [], overhead }: PodSpec, path: string): string[] {
  const ips = hostAliases.map(({ ip }) => ip);
  const names = imagePullSecrets.map(({ name = "" }) => name);
  const twice = (values: readonly string[], at: string, field: string): string[] =>
    values.flatMap((value, index) =>
      values.indexOf(value) < index ? [`${at}[${index}].${field}: duplicate ${field} ${JSON.stringify(value)}`] : [],
    );
  return [
    ...twice(ips, `${path}.hostAliases`, "ip"),
    ...twice(names, `${path}.imagePullSecrets`, "name"),
    ...names.flatMap((name, index) =>
      name === "" ? [`${path}.imagePullSecrets[${index}].name: invalid empty name ""`] : [],
    ),
    ...fractionWarnings(overhead?.["memory"], `${path}.overhead[memory]`),
    ...fractionWarnings(overhead?.["ephemeral-storage"], `${path}.overhead[ephemeral-storage]`),
  ];
}

function containerWarnings({ resources, env = [] }: Container, path: string): string[] {
  const fractions = ["memory", "ephemeral-storage"].flatMap((name) =>
    (["limits", "requests"] as const).flatMap((kind) =>
      fractionWarnings(resources?.[kind]?.[name], `${path}.resources.${kind}[${name}]`),
    ),
  );
  const names = env.map(({ name }) => name);
  const hidden = env.flatMap(({ name, value = "", valueFrom }, index) => {
    if (names.indexOf(name) === index) return [];
    const reference = `$(${name})`;
    // A value that adds to the one before hides nothing.
    if (valueFrom === undefined && value !== reference && value.includes(reference)) return [];
    return [
      `${path}.env[${index}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
    ];
  });
  return [...fractions, ...hidden];
}

function portWarnings(containers: readonly [Container, string][]): string[] {
  const warnings: string[] = [];
  const known = new Map<string, { port: ContainerPort; at: string }[]>();
  for (const [container, path] of containers) {
    for (const [index, port] of (container.ports ?? []).entries()) {
      const at = `${path}.ports[${index}]`;
      const { hostIP = "", hostPort = 0, protocol = "TCP", name = "", containerPort } = port;
      if (hostIP !== "" && hostPort === 0) {
        const shown = `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
        warnings.push(`${at}: hostIP set without hostPort: ${shown}`);
      }
      const key = `${containerPort}/${protocol}`;
      const others = known.get(key) ?? [];
      for (const other of others) {
        const how = clash({ hostIP, hostPort }, other.port);
        if (how !== undefined) warnings.push(`${at}: ${how} port definition with ${other.at}`);
      }
      known.set(key, [...others, { port, at }]);
    }
  }
  return warnings;
}

function clash(
  { hostIP, hostPort }: { hostIP: string; hostPort: number },
  { hostIP: otherIP = "", hostPort: otherPort = 0 }: ContainerPort,
): string | undefined {
  if (hostIP === otherIP && hostPort === otherPort) return "duplicate";
  if (hostPort === 0 || otherPort === 0) return "overlapping";
  // One of them is for every address of the node.
  if (hostPort === otherPort && (hostIP === "") !== (otherIP === "")) return "dangerously ambiguous";
  return undefined;
}

function podAffinityWarnings(affinity: Affinity | undefined, path: string): string[] {
  return (["podAffinity", "podAntiAffinity"] as const).flatMap((kind) => {
    const { requiredDuringSchedulingIgnoredDuringExecution, preferredDuringSchedulingIgnoredDuringExecution } =
      affinity?.[kind] ?? {};
    const required = `${path}.${kind}.requiredDuringSchedulingIgnoredDuringExecution`;
    const preferred = `${path}.${kind}.preferredDuringSchedulingIgnoredDuringExecution`;
    return [
      ...(requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ labelSelector }: PodAffinityTerm, index) =>
        labelSelector === undefined ? [`${required}[${index}].labelSelector: ${NO_SELECTOR}`] : [],
      ),
      ...(preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(
        ({ podAffinityTerm }: WeightedPodAffinityTerm, index) =>
          podAffinityTerm.labelSelector === undefined
            ? [`${preferred}[${index}].podAffinityTerm.labelSelector: ${NO_SELECTOR}`]
            : [],
      ),
    ];
  });
}
