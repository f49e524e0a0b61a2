import type { Container, Pod, Service, ServicePort } from "@knots/api/core/v1";
import type { EndpointPort } from "@knots/api/discovery/v1";

/** The container port that a Service port means for this pod; undefined where the pod has no port of that name. Pure. */
export function findPort(pod: Pod, { targetPort, port, protocol = "TCP" }: ServicePort): number | undefined {
  const target = targetPort === undefined || targetPort === 0 || targetPort === "" ? port : targetPort;
  if (typeof target === "number") return target;
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const containers: readonly Container[] = [...(pod.spec?.containers ?? []), ...sidecars];
  for (const container of containers) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === target && (candidate.protocol ?? "TCP") === protocol) return candidate.containerPort;
    }
  }
  return undefined;
}

/** The ports under which a Service reaches this pod; a port the pod does not have is left out. Pure. */
export function endpointPorts(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = findPort(pod, servicePort);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

/** One text per set of ports, whatever their order: endpoints with the same ports share slices. */
export function portsKey(ports: readonly EndpointPort[] | undefined): string {
  return (ports ?? [])
    .map(({ name, port, protocol, appProtocol }) =>
      JSON.stringify([name ?? "", port ?? null, protocol ?? "TCP", appProtocol ?? null]),
    )
    .toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .join();
}
