// What works today but should not be written (upstream: pkg/api/pod/warnings.go), for pods and templates of pods.
import type { Affinity, Container, ContainerPort, PodSpec, PodTemplateSpec } from "@knots/api/core/v1";
import { addAll, isDNS1123Label } from "@knots/machinery";
import type { KubeObject, ObjectMeta } from "@knots/machinery";
import { APPARMOR_CONTAINER } from "../validation/app-armor.ts";
import { forEachContainer } from "../validation/each-container.ts";
import type { ContainerList } from "../validation/each-container.ts";
import { forEachRepeated } from "../validation/repeated.ts";
import { ipWarnings } from "./addresses.ts";
import { isEnough } from "./enough.ts";
import { fractionWarnings } from "./fractions.ts";
import { deprecatedKeys, deprecatedNodeLabel, nodeSelectorTermWarnings, preferenceWarnings } from "./node-labels.ts";
import { overlapWarnings, volumeWarnings } from "./pod-volumes.ts";

const ANNOTATIONS = new Map([
  ["scheduler.alpha.kubernetes.io/critical-pod", 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
  ["security.alpha.kubernetes.io/unsafe-sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
]);
const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/";
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

/** Every create of a pod comes by here, mostly for nothing: no text, path or list is made before something is wrong. */
function specAndMetaWarnings(
  spec: PodSpec | undefined,
  metadata: ObjectMeta | undefined,
  prefix: string,
  isTemplate: boolean,
): string[] {
  if (spec === undefined) return [];
  const path = `${prefix}spec`;
  const warnings: string[] = [];
  const annotations = metadata?.annotations ?? {};
  const annotation = (key: string, text: string): void => {
    if (annotations[key] !== undefined) warnings.push(`${prefix}metadata.annotations[${key}]: ${text}`);
  };
  schedulingWarnings(spec, path, warnings);
  if (metadata?.annotations !== undefined) ANNOTATIONS.forEach((text, key) => annotation(key, text));
  if (spec.volumes !== undefined) {
    volumeWarnings(spec.volumes, `${path}.volumes`, warnings);
    overlapWarnings(spec.volumes, warnings);
  }
  listWarnings(spec, path, warnings);
  if (spec.securityContext?.seccompProfile === undefined) annotation(SECCOMP_POD, SECCOMP);
  const isAnnotated = metadata?.annotations !== undefined;
  forEachContainer(spec, (container, list, index) => {
    const { securityContext } = container;
    if (isAnnotated && securityContext?.seccompProfile === undefined)
      annotation(SECCOMP_CONTAINER + container.name, SECCOMP);
    // A pod's own annotations become fields, and are warned of there.
    if (
      isAnnotated &&
      isTemplate &&
      (spec.securityContext?.appArmorProfile ?? securityContext?.appArmorProfile) === undefined
    )
      annotation(APPARMOR_CONTAINER + container.name, APPARMOR);
    containerWarnings(container, `${path}.${list}`, index, warnings);
  });
  portWarnings(spec, path, warnings);
  portNameWarnings(spec, path, warnings);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  if (spec.affinity !== undefined) podAffinityWarnings(spec.affinity, `${path}.affinity`, warnings);
  spec.dnsConfig?.nameservers?.forEach((ip, index) =>
    addAll(warnings, ipWarnings(ip, `${path}.dnsConfig.nameservers[${index}]`)),
  );
  spec.hostAliases?.forEach(({ ip }, index) => addAll(warnings, ipWarnings(ip, `${path}.hostAliases[${index}].ip`)));
  return warnings;
}

const SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead';
export const APPARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead';

function schedulingWarnings(
  { nodeSelector, affinity, topologySpreadConstraints }: PodSpec,
  path: string,
  warnings: string[],
): void {
  for (const [key, text] of deprecatedKeys(nodeSelector)) warnings.push(`${path}.nodeSelector[${key}]: ${text}`);
  const { requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution } =
    affinity?.nodeAffinity ?? {};
  const at = `${path}.affinity.nodeAffinity`;
  required?.nodeSelectorTerms.forEach((term, index) => {
    const where = `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`;
    addAll(warnings, nodeSelectorTermWarnings(term, where));
  });
  preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ preference }, index) => {
    const where = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`;
    addAll(warnings, preferenceWarnings(preference, where));
  });
  topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, index) => {
    const where = `${path}.topologySpreadConstraints[${index}]`;
    const text = deprecatedNodeLabel(topologyKey);
    if (text !== undefined) warnings.push(`${where}.topologyKey: ${topologyKey} is ${text}`);
    if (labelSelector === undefined) warnings.push(`${where}.labelSelector: ${NO_SELECTOR}`);
  });
}

/** Names and addresses that are there twice, or say nothing, and parts of bytes. */
function listWarnings({ hostAliases, imagePullSecrets, overhead }: PodSpec, path: string, warnings: string[]): void {
  const twice = (values: readonly string[], at: string, field: string): void =>
    forEachRepeated(
      values,
      (value) => value,
      (value, index) => warnings.push(`${at}[${index}].${field}: duplicate ${field} ${JSON.stringify(value)}`),
    );
  if (hostAliases !== undefined)
    twice(
      hostAliases.map(({ ip }) => ip),
      `${path}.hostAliases`,
      "ip",
    );
  if (imagePullSecrets !== undefined) {
    const names = imagePullSecrets.map(({ name = "" }) => name);
    twice(names, `${path}.imagePullSecrets`, "name");
    names.forEach((name, index) => {
      if (name === "") warnings.push(`${path}.imagePullSecrets[${index}].name: invalid empty name ""`);
    });
  }
  if (overhead !== undefined)
    for (const name of IN_BYTES) addAll(warnings, fractionWarnings(overhead[name], `${path}.overhead[${name}]`));
}

/** Resources that are counted in whole bytes. */
const IN_BYTES = ["memory", "ephemeral-storage"];

function containerWarnings({ resources, env }: Container, list: string, at: number, warnings: string[]): void {
  if (resources !== undefined)
    for (const name of IN_BYTES)
      for (const kind of ["limits", "requests"] as const) {
        const amount = resources[kind]?.[name];
        if (amount !== undefined)
          addAll(warnings, fractionWarnings(amount, `${list}[${at}].resources.${kind}[${name}]`));
      }
  if (env === undefined || env.length < 2) return;
  const names = new Set<string>();
  for (const [index, { name, value = "", valueFrom }] of env.entries()) {
    const isHidden = names.has(name);
    names.add(name);
    if (!isHidden) continue;
    const reference = `$(${name})`;
    // A value that adds to the one before hides nothing.
    if (valueFrom === undefined && value !== reference && value.includes(reference)) continue;
    warnings.push(
      `${list}[${at}].env[${index}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
    );
  }
}

interface SeenPort {
  readonly port: ContainerPort;
  readonly list: ContainerList;
  readonly container: number;
  readonly index: number;
}

/** So many pairs of ports are compared: hundreds of ports of one number are nobody's, and all pairs of them too many. */
const MOST_PAIRS = 100_000;

function portWarnings(spec: PodSpec, path: string, warnings: string[]): void {
  const seen = new Map<string, SeenPort[]>();
  let pairs = 0;
  const placeOf = ({ list, container, index }: SeenPort): string => `${path}.${list}[${container}].ports[${index}]`;
  forEachContainer(spec, ({ ports }, list, container) =>
    ports?.forEach((port, index) => {
      const one: SeenPort = { port, list, container, index };
      const { hostIP = "", hostPort = 0, protocol = "TCP", name = "", containerPort } = port;
      if (hostIP !== "" && hostPort === 0) {
        const shown = `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
        warnings.push(`${placeOf(one)}: hostIP set without hostPort: ${shown}`);
      }
      const key = `${containerPort}/${protocol}`;
      const others = seen.get(key);
      if (others === undefined) {
        seen.set(key, [one]);
        return;
      }
      for (const other of others) {
        if (++pairs > MOST_PAIRS || isEnough(warnings)) return;
        const how = clash({ hostIP, hostPort }, other.port);
        if (how !== undefined) warnings.push(`${placeOf(one)}: ${how} port definition with ${placeOf(other)}`);
      }
      others.push(one);
    }),
  );
}

/** Within a container names are told apart; of all containers the first has the name. */
function portNameWarnings(spec: PodSpec, path: string, warnings: string[]): void {
  let seen: Map<string, string> | undefined;
  forEachContainer(spec, ({ ports }, list, container) =>
    ports?.forEach(({ name }, index) => {
      if (!name) return;
      const place = `${path}.${list}[${container}].ports[${index}]`;
      seen ??= new Map();
      const first = seen.get(name);
      if (first === undefined) seen.set(name, place);
      else
        warnings.push(
          `${place}: duplicate port name ${JSON.stringify(name)} with ${first}, services and probes that select ports by name will use ${first}`,
        );
    }),
  );
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

function podAffinityWarnings(affinity: Affinity, path: string, warnings: string[]): void {
  for (const kind of ["podAffinity", "podAntiAffinity"] as const) {
    const { requiredDuringSchedulingIgnoredDuringExecution, preferredDuringSchedulingIgnoredDuringExecution } =
      affinity[kind] ?? {};
    const required = `${path}.${kind}.requiredDuringSchedulingIgnoredDuringExecution`;
    const preferred = `${path}.${kind}.preferredDuringSchedulingIgnoredDuringExecution`;
    requiredDuringSchedulingIgnoredDuringExecution?.forEach(({ labelSelector }, index) => {
      if (labelSelector === undefined) warnings.push(`${required}[${index}].labelSelector: ${NO_SELECTOR}`);
    });
    preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ podAffinityTerm }, index) => {
      if (podAffinityTerm.labelSelector === undefined)
        warnings.push(`${preferred}[${index}].podAffinityTerm.labelSelector: ${NO_SELECTOR}`);
    });
  }
}
