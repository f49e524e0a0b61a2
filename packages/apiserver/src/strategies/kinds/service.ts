import type { Service } from "@knots/api/core/v1";
import { defaultService } from "../defaults/services.ts";
import { semanticEqual } from "../equality.ts";
import type { Strategy } from "../types.ts";
import { isExternallyAccessible, needsHealthCheck, validateService } from "../validation/service.ts";
import type { ServiceSpec } from "../validation/service.ts";
import { validateBalancerStatus, validateServiceUpdate } from "../validation/service-update.ts";
import { serviceWarnings } from "../warnings/kinds.ts";

/** clusterIP and clusterIPs are two views of one thing; a client may write either. */
function mirrorClusterIPs(service: Service, old?: Service): void {
  const spec = service.spec;
  if (!spec) return;
  const before = old?.spec;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!before) return;
  const singleChanged = (spec.clusterIP ?? "") !== (before.clusterIP ?? "");
  const listChanged = !semanticEqual(spec.clusterIPs, before.clusterIPs);
  if (!singleChanged || listChanged) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP, ...(spec.clusterIPs ?? []).slice(1)];
  else delete spec.clusterIPs;
}

/**
 * What the old type needed and the new one does not goes, unless the client changed it too: that it hears of (upstream:
 * dropTypeDependentFields).
 */
function dropTypeDependentFields(next: Service, old: Service): void {
  const spec = next.spec;
  const before = old.spec;
  if (!spec || !before) return;
  const no = (needs: (each: ServiceSpec) => boolean): boolean => needs(before) && !needs(spec);
  if (no(({ type }) => type !== "ExternalName")) {
    if (spec.clusterIP === before.clusterIP && semanticEqual(spec.clusterIPs, before.clusterIPs)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (semanticEqual(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  }
  if (no(({ type }) => type === "NodePort" || type === "LoadBalancer")) {
    const used = new Set(before.ports?.map((port) => port.nodePort));
    const ports = spec.ports ?? [];
    if (ports.every(({ nodePort }) => !nodePort || used.has(nodePort))) for (const port of ports) delete port.nodePort;
  }
  if (no(needsHealthCheck) && spec.healthCheckNodePort === before.healthCheckNodePort) delete spec.healthCheckNodePort;
  if (no(({ type }) => type === "LoadBalancer")) {
    for (const field of ["allocateLoadBalancerNodePorts", "loadBalancerClass"] as const)
      if (spec[field] === before[field]) delete spec[field];
  }
  if (no(isExternallyAccessible) && spec.externalTrafficPolicy === before.externalTrafficPolicy)
    delete spec.externalTrafficPolicy;
  // Who balances no more is reached nowhere, though it may take the balancer a while.
  if (spec.type !== "LoadBalancer" && next.status?.loadBalancer?.ingress !== undefined)
    next.status = { ...next.status, loadBalancer: {} };
}

export const serviceStrategy: Strategy<Service> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
  defaults: defaultService,
  prepareForCreate: (service) => mirrorClusterIPs(service),
  prepareForUpdate(next, old) {
    mirrorClusterIPs(next, old);
    dropTypeDependentFields(next, old);
  },
  validate: (service) => validateService(service),
  validateUpdate: validateServiceUpdate,
  warnings: (service) => serviceWarnings(service),
  fieldLabels: (service) => ({
    "spec.clusterIP": service.spec?.clusterIP ?? "",
    "spec.type": service.spec?.type ?? "",
  }),
  subresources: {
    status: {
      validateUpdate: (next, old) =>
        validateBalancerStatus(next.status?.loadBalancer, old.status?.loadBalancer, next.spec),
    },
  },
};
