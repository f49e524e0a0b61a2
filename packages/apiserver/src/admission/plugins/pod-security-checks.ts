// What the checks of the Pod Security Standards are made of: who of a pod sets something, and how that is said.
import type { Container, Pod, PodSecurityContext, PodSpec, SecurityContext } from "@knots/api/core/v1";

/** What of a pod is against a level. */
export interface Finding {
  readonly reason: string;
  readonly detail: string;
}

export type CheckPod = (spec: PodSpec, pod: Pod) => Finding | undefined;

/** One rule of the standards, as it reads from a minor version of Kubernetes on; each later reading replaces the one before. */
export interface Check {
  readonly id: string;
  readonly versions: readonly { readonly since: number; readonly check: CheckPod }[];
  /** The baseline rules that this restricted one takes the place of. */
  readonly overrides?: readonly string[];
}

/** Init, ordinary and ephemeral containers, in upstream's order. */
export function containersOf(spec: PodSpec): readonly Container[] {
  return [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...((spec.ephemeralContainers ?? []) as Container[]),
  ];
}

/** Names of the containers that do something. */
export function offending(spec: PodSpec, bad: (context: SecurityContext, container: Container) => boolean): string[] {
  return containersOf(spec)
    .filter((container) => bad(container.securityContext ?? {}, container))
    .map(({ name }) => name);
}

/** `"a", "b"` */
export function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

export function plural(word: string, items: { readonly length: number }): string {
  return items.length === 1 ? word : `${word}s`;
}

/** `container "a"`, `containers "a", "b"` */
export function containersText(names: readonly string[]): string {
  return `${plural("container", names)} ${quoted(names)}`;
}

/** In the order of their bytes, as Go sorts. */
export function sorted(values: Iterable<string>): string[] {
  return [...values].sort();
}

export function containerFinding(reason: string, names: readonly string[], says: string): Finding | undefined {
  return names.length === 0 ? undefined : { reason, detail: `${containersText(names)} ${says}` };
}

/**
 * Who sets a bad value of what pods and containers have alike: `pod and container "a"`. `bad` gives the bad value that a
 * context sets, undefined for one that sets none; the values come with it, sorted.
 */
export function badSetters(
  spec: PodSpec,
  bad: (context: SecurityContext | PodSecurityContext) => string | undefined,
): { setters: string[]; values: string[] } {
  const values = new Set<string>();
  const sets = (context: SecurityContext | PodSecurityContext | undefined): boolean => {
    const value = context === undefined ? undefined : bad(context);
    if (value !== undefined) values.add(value);
    return value !== undefined;
  };
  const setters = sets(spec.securityContext) ? ["pod"] : [];
  const names = offending(spec, sets);
  if (names.length > 0) setters.push(containersText(names));
  return { setters, values: sorted(values) };
}

/** A pod in a user namespace of its own: root within is nobody outside. */
export function hasUserNamespace(spec: PodSpec): boolean {
  return spec.hostUsers === false;
}

/** A check that does not look at Windows pods, whose fields validation forbids anyway. */
export function butWindows(check: CheckPod): CheckPod {
  return (spec, pod) => (spec.os?.name === "windows" ? undefined : check(spec, pod));
}

/** A check that does not look at pods in a user namespace. */
export function butUserNamespaces(check: CheckPod): CheckPod {
  return (spec, pod) => (hasUserNamespace(spec) ? undefined : check(spec, pod));
}
