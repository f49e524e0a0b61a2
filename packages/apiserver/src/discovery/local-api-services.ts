import type { APIService } from "@knots/api/apiregistration/v1";
import { apiServices } from "@knots/api/apiregistration/v1";
import { formatTime, isNotFound } from "@knots/machinery";
import type { Clock } from "@knots/machinery";
import type { Registry } from "../registry/registry.ts";
import type { ApiGroupInfo } from "./groups.ts";

const MANAGED = "kube-aggregator.kubernetes.io/automanaged";
/** Upstream's figures: built-in groups come before everything that is added, in the order of discovery. */
const CORE_PRIORITY = 18000;
const CUSTOM_PRIORITY = 1000;
const BUILT_IN_STEP = 100;

/**
 * An APIService for every group and version that this server serves itself, as clients of an aggregated API expect
 * them: Available, reason Local. Those of versions that are no longer served go. Level-triggered.
 */
export async function syncLocalApiServices(
  registry: Registry,
  groups: readonly ApiGroupInfo[],
  clock: Clock,
): Promise<void> {
  const storage = registry.storageFor(apiServices);
  const wanted = new Map(
    wantedServices(groups, formatTime(new Date(clock.now()))).map((service) => [service.metadata?.name ?? "", service]),
  );
  for (const present of registry.list(apiServices)) {
    const name = present.metadata?.name ?? "";
    if (wanted.delete(name) || present.metadata?.labels?.[MANAGED] === undefined) continue;
    await storage.delete(registry.system(), "", name, {}).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
  await Promise.all(
    Array.from(wanted, async ([name, service]) => {
      await storage.create(registry.system(), "", structuredClone(service));
      await storage.update(registry.system("status"), {
        namespace: "",
        name,
        forceUnconditional: true,
        retryOnConflict: true,
        raw: true,
        transform: (current) => ({ ...structuredClone(current), status: service.status }) as APIService,
      });
    }),
  );
}

function wantedServices(groups: readonly ApiGroupInfo[], now: string): APIService[] {
  return groups.flatMap(({ group, versions }, place) =>
    versions.map(({ version }, i) => ({
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: `${version}.${group}`, labels: { [MANAGED]: isCustom(group) ? "true" : "onstart" } },
      spec: {
        group,
        version,
        groupPriorityMinimum: isCustom(group) ? CUSTOM_PRIORITY : CORE_PRIORITY - place * BUILT_IN_STEP,
        versionPriority: Math.max(1, (isCustom(group) ? 100 : 15) - i),
      },
      status: {
        conditions: [
          {
            type: "Available",
            status: "True",
            reason: "Local",
            message: "Local APIServices are always available",
            lastTransitionTime: now,
          },
        ],
      },
    })),
  );
}

function isCustom(group: string): boolean {
  return group.includes(".") && !group.endsWith(".k8s.io");
}
