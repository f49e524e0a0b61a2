import type {
  Container,
  ContainerPort,
  EphemeralContainer,
  Lifecycle,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Volume,
} from "@knots/api/core/v1";
import { isHugePages } from "../validation/huge-pages.ts";
import { containerLimits, containerRequests, isPodLevelResource } from "../validation/pod-level-resources.ts";
import { canOvercommit } from "../validation/resources.ts";
import { defaultPersistentVolumeClaimSpec } from "./volume-claim.ts";

/** Octal 0644, the mode of files made from secrets, config maps, the downward API and projections. */
const FILE_MODE = 0o644;
const HOUR_SECONDS = 3600;

/** Defaults of a pod spec wherever it stands: in a pod or in a workload's template. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= "ClusterFirst";
  spec.restartPolicy ||= "Always";
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= "default-scheduler";
  for (const container of spec.initContainers ?? []) defaultContainer(container);
  for (const container of spec.containers ?? []) defaultContainer(container);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  // The old spelling lives on beside the new one, for clients of either.
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount;
}

/** Defaults of a workload's pod template. */
export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  if (template?.spec) defaultPodSpec(template.spec);
}

/** With hostNetwork a container port is a host port: of a pod; a template is left as it was written (upstream since v1.28). */
export function defaultHostNetworkPorts(spec: PodSpec): void {
  if (spec.hostNetwork !== true) return;
  for (const container of spec.containers ?? []) defaultHostPorts(container.ports);
  for (const container of spec.initContainers ?? []) defaultHostPorts(container.ports);
}

function defaultHostPorts(ports: ContainerPort[] | undefined): void {
  for (const port of ports ?? []) port.hostPort ||= port.containerPort;
}

function defaultContainer(container: Container | EphemeralContainer): void {
  container.imagePullPolicy ||= pullPolicyFor(container.image ?? "");
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  for (const port of container.ports ?? []) port.protocol ||= "TCP";
  for (const env of container.env ?? []) {
    if (env.valueFrom?.fieldRef) env.valueFrom.fieldRef.apiVersion ||= "v1";
    if (env.valueFrom?.fileKeyRef) env.valueFrom.fileKeyRef.optional ??= false;
  }
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultLifecycle(container.lifecycle);
}

/** Always for ":latest" or no tag, IfNotPresent otherwise; a digest counts as a tag. */
export function pullPolicyFor(image: string): "Always" | "IfNotPresent" {
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([\w][\w.-]*)$/.exec(image.slice(image.lastIndexOf("/") + 1))?.[1];
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= "";
}

function defaultLifecycle(lifecycle: Lifecycle | undefined): void {
  defaultHttpGet(lifecycle?.postStart?.httpGet);
  defaultHttpGet(lifecycle?.preStop?.httpGet);
}

function defaultHttpGet(action: { path?: string; scheme?: string } | undefined): void {
  if (!action) return;
  action.path ||= "/";
  action.scheme ||= "HTTP";
}

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === "name")) volume.emptyDir = {};
  if (volume.hostPath) volume.hostPath.type ??= "";
  if (volume.secret) volume.secret.defaultMode ??= FILE_MODE;
  if (volume.configMap) volume.configMap.defaultMode ??= FILE_MODE;
  if (volume.image) volume.image.pullPolicy ||= pullPolicyFor(volume.image.reference ?? "");
  if (volume.ephemeral?.volumeClaimTemplate)
    defaultPersistentVolumeClaimSpec(volume.ephemeral.volumeClaimTemplate.spec);
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= FILE_MODE;
    for (const item of volume.downwardAPI.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= "v1";
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= FILE_MODE;
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= HOUR_SECONDS;
      for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= "v1";
    }
  }
}

/**
 * A pod that asks for something as a whole gets the rest by default, in pods as well: as much of huge pages as its
 * containers, and requests that are those of its containers together, or else its limits (KEP-2837, KEP-5474).
 */
export function defaultPodLevelResources(spec: PodSpec): void {
  const { resources } = spec;
  if (resources === undefined) return;
  const isEmpty = (amounts: object | undefined): boolean => amounts === undefined || Object.keys(amounts).length === 0;
  if (isEmpty(resources.limits) && isEmpty(resources.requests)) return;
  const limits = { ...resources.limits };
  for (const [name, sum] of Object.entries(containerLimits(spec)))
    if (isHugePages(name) && resources.requests?.[name] === undefined) limits[name] ??= sum.toString();
  if (isEmpty(limits)) return;
  const requests = { ...resources.requests };
  for (const [name, sum] of Object.entries(containerRequests(spec)))
    if (isPodLevelResource(name) && canOvercommit(name)) requests[name] ??= sum.toString();
  for (const [name, limit] of Object.entries(limits)) if (isPodLevelResource(name)) requests[name] ??= limit;
  spec.resources = { ...resources, limits, ...(isEmpty(requests) ? {} : { requests }) };
}

/** Limits stand in for absent requests; only in pods, not in templates. */
export function defaultRequestsFromLimits(spec: PodSpec): void {
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const limits = container.resources?.limits;
    if (!limits) continue;
    const resources = container.resources ?? {};
    resources.requests = { ...limits, ...resources.requests };
  }
}
