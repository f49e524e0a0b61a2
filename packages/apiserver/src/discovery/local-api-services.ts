import type { APIService } from "@knots/api/apiregistration/v1";
import { apiServices } from "@knots/api/apiregistration/v1";
import { formatTime, isNotFound } from "@knots/machinery";
import type { Clock } from "@knots/machinery";
import { deepEqual } from "../registry/metadata.ts";
import type { Registry } from "../registry/registry.ts";
import type { ApiGroupInfo } from "./groups.ts";
import { REGISTRATION_GROUP, isBuiltIn, localPriority } from "./priorities.ts";

const MANAGED = "kube-aggregator.kubernetes.io/automanaged";

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
    const service = wanted.get(name);
    const managed = present.metadata?.labels?.[MANAGED] !== undefined;
    // Another release's figures, or somebody's changes to what is not theirs, are put right.
    if (service !== undefined && managed && !deepEqual(service.spec, present.spec))
      await replaceSpec(registry, service);
    if (wanted.delete(name) || !managed) continue;
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

async function replaceSpec(registry: Registry, { metadata, spec }: APIService): Promise<void> {
  await registry.storageFor(apiServices).update(registry.system(), {
    namespace: "",
    name: metadata?.name ?? "",
    forceUnconditional: true,
    retryOnConflict: true,
    transform: (current) => ({ ...structuredClone(current), spec }) as APIService,
  });
}

function wantedServices(groups: readonly ApiGroupInfo[], now: string): APIService[] {
  // The group of APIServices itself has none: it is always there.
  return groups
    .filter(({ group }) => group !== REGISTRATION_GROUP)
    .flatMap(({ group, versions }) =>
      versions.map(({ version }) => ({
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name: `${version}.${group}`, labels: { [MANAGED]: isBuiltIn(group) ? "onstart" : "true" } },
        spec: {
          group,
          version,
          groupPriorityMinimum: localPriority(group, version).group,
          versionPriority: localPriority(group, version).version,
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
