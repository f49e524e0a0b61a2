import type { Container, ContainerStatus, Pod, Volume } from "@knots/api/core/v1";
import { withoutManagedFields } from "@knots/client";

/** Volumes that hold nothing of a node that other pods could want. */
const OF_NO_CONCERN: readonly (keyof Volume)[] = ["configMap", "secret", "projected", "downwardAPI", "emptyDir"];

/**
 * An informer's transform: what the scheduler keeps of a pod. Of one that has its node only what others are placed by
 * (requests, ports, labels, affinity, disks) and what preemption reads and writes of a victim: half of it.
 */
export function slimPod(whole: Pod): Pod {
  const pod = withoutManagedFields(whole);
  if (!pod.spec?.nodeName) return pod;
  const { volumes, containers, initContainers, tolerations: _, ...spec } = pod.spec;
  return {
    ...pod,
    spec: {
      ...spec,
      containers: containers.map(slimContainer),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(slimContainer) }),
      ...(volumes === undefined ? {} : { volumes: volumes.filter(concerns) }),
    },
    ...(pod.status === undefined ? {} : { status: slimStatus(pod.status) }),
  };
}

function concerns(volume: Volume): boolean {
  return OF_NO_CONCERN.every((source) => volume[source] === undefined);
}

function slimContainer({ name, image, resources, ports, restartPolicy }: Container): Container {
  return {
    name,
    ...(image === undefined ? {} : { image }),
    ...(resources === undefined ? {} : { resources }),
    ...(ports === undefined ? {} : { ports }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  };
}

/** With what was resized in place, which counts instead of the specification's requests. */
function slimStatus(status: NonNullable<Pod["status"]>): NonNullable<Pod["status"]> {
  const { podIPs: _podIPs, hostIPs: _hostIPs, containerStatuses, initContainerStatuses, ...rest } = status;
  return {
    ...rest,
    ...(containerStatuses === undefined ? {} : { containerStatuses: containerStatuses.map(slimContainerStatus) }),
    ...(initContainerStatuses === undefined
      ? {}
      : { initContainerStatuses: initContainerStatuses.map(slimContainerStatus) }),
  };
}

function slimContainerStatus(status: ContainerStatus): ContainerStatus {
  const { name, image, imageID, ready, restartCount, resources, allocatedResources } = status;
  return {
    name,
    image,
    imageID,
    ready,
    restartCount,
    ...(resources === undefined ? {} : { resources }),
    ...(allocatedResources === undefined ? {} : { allocatedResources }),
  };
}
