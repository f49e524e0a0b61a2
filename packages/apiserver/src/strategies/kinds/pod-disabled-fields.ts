// Fields that belong to features which are off in v1.36: as upstream does, new ones are not kept (pkg/api/pod/util.go).
import type { ContainerStatus, PodSpec, PodStatus, PodTemplateSpec } from "@knots/api/core/v1";
import { forEachContainer } from "../validation/each-container.ts";

/** ClusterTrustBundleProjection and PodCertificateRequest. */
const PROJECTIONS = ["clusterTrustBundle", "podCertificate"] as const;

/** `old` is what is stored: what it has may stay. */
export function dropDisabledFields(spec: PodSpec | undefined, old?: PodSpec): void {
  if (spec === undefined) return;
  // GenericWorkload
  if (old?.schedulingGroup === undefined) delete spec.schedulingGroup;
  if (!hasStopSignals(old)) dropStopSignals(spec);
  for (const kind of PROJECTIONS) {
    if (hasProjection(old, kind)) continue;
    for (const { projected } of spec.volumes ?? []) for (const source of projected?.sources ?? []) delete source[kind];
  }
}

export const dropDisabledOfTemplate = (template: PodTemplateSpec | undefined, old?: PodTemplateSpec): void =>
  dropDisabledFields(template?.spec, old?.spec);

const hasProjection = (spec: PodSpec | undefined, kind: (typeof PROJECTIONS)[number]): boolean =>
  spec?.volumes?.some(({ projected }) => projected?.sources?.some((source) => source[kind] !== undefined)) === true;

function hasStopSignals(spec: PodSpec | undefined): boolean {
  if (spec === undefined) return false;
  let has = false;
  forEachContainer(spec, ({ lifecycle }) => (has ||= lifecycle?.stopSignal !== undefined));
  return has;
}

/** ContainerStopSignals; a lifecycle of nothing else goes with them. */
function dropStopSignals(spec: PodSpec): void {
  forEachContainer(spec, (container) => {
    if (container.lifecycle?.stopSignal === undefined) return;
    delete container.lifecycle.stopSignal;
    if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
  });
}

/** Nothing that runs here reports of them. */
export function dropDisabledStatus(status: PodStatus): void {
  // DRANodeAllocatableResources
  delete status.nodeAllocatableResourceClaimStatuses;
  status.containerStatuses?.forEach(dropOfContainer);
  status.initContainerStatuses?.forEach(dropOfContainer);
  status.ephemeralContainerStatuses?.forEach(dropOfContainer);
}

function dropOfContainer(status: ContainerStatus): void {
  // ContainerStopSignals and ImageVolumeWithDigest
  delete status.stopSignal;
  for (const mount of status.volumeMounts ?? []) delete mount.volumeStatus;
}
