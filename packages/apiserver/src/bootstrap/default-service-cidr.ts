// The ServiceCIDR `kubernetes`: the range of cluster IPs that the server was given, as an object (KEP-1880).
import type { ServiceCIDR } from "@knots/api/networking/v1";
import { serviceCIDRs } from "@knots/api/networking/v1";
import { formatTime } from "@knots/machinery";
import type { SecurityDependencies } from "../security.ts";
import type { Ensure } from "./index.ts";

const NAME = "kubernetes";

export async function defaultServiceCIDR(deps: SecurityDependencies, ensure: Ensure): Promise<void> {
  const { registry, serviceClusterIPRange, clock, logger } = deps;
  const cidrs = [serviceClusterIPRange];
  await ensure(serviceCIDRs, "", Object.assign({ metadata: { name: NAME } }, { spec: { cidrs } }));
  const current = registry.get<ServiceCIDR>(serviceCIDRs, undefined, NAME);
  // One that is going away is the controller's, which knows whether its addresses are still in use.
  if (current === undefined || current.metadata?.deletionTimestamp !== undefined) return;
  const ready = current.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready !== undefined) {
    if (ready.status !== "True") logger.warn({ condition: ready }, "the default ServiceCIDR is not ready");
    return;
  }
  if (JSON.stringify(current.spec?.cidrs) !== JSON.stringify(cidrs)) {
    logger.warn(
      { cidrs: current.spec?.cidrs, own: cidrs },
      "the default ServiceCIDR is another than --service-cluster-ip-range; it is left as it is",
    );
    return;
  }
  await registry.storageFor(serviceCIDRs).update(registry.system("status"), {
    namespace: "",
    name: NAME,
    forceUnconditional: true,
    retryOnConflict: true,
    transform(latest) {
      const next = structuredClone(latest) as ServiceCIDR;
      const condition = {
        type: "Ready",
        status: "True",
        reason: "",
        message: "Kubernetes default Service CIDR is ready",
        lastTransitionTime: formatTime(new Date(clock.now())),
      };
      next.status = { ...next.status, conditions: [...(next.status?.conditions ?? []), condition] };
      return next;
    },
  });
}
