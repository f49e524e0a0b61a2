import type { Pod, ResourceQuota } from "@knots/api/core/v1";
import { pods, resourceQuotas } from "@knots/api/core/v1";
import { deviceClasses, resourceClaims } from "@knots/api/resource/v1";
import { inQuotaScopes, payingPod, Quantity, quotaUsage, usageDifference } from "@knots/machinery";
import type { DeviceContext, KubeObject, QuotaUsage } from "@knots/machinery";
import type { Registry } from "../../registry/registry.ts";
import { groupResource } from "../../registry/keys.ts";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionUndo } from "../types.ts";

/** Upstream's: quotas on these oblige containers to name an amount. */
const REQUIRED = new Set(["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]);

/** Books what a request would use in the namespace's quotas before it is made; refuses what does not fit. */
export class ResourceQuotaPlugin implements AdmissionPlugin {
  readonly name = "ResourceQuota";
  readonly #registry: () => Registry;

  constructor(registry: () => Registry) {
    this.#registry = registry;
  }

  handles({ operation, subresource, namespace, objects, resource }: AdmissionAttributes): boolean {
    if (namespace === "" || (subresource !== "" && !(resource === "pods" && subresource === "resize"))) return false;
    if (operation !== "CREATE" && operation !== "UPDATE") return false;
    return resource !== "events" && resource !== "resourcequotas" && objects.list(resourceQuotas, namespace).length > 0;
  }

  async validate(attributes: AdmissionAttributes): Promise<AdmissionUndo | undefined> {
    const counted = groupResource(attributes);
    const usageOf = (object: KubeObject | undefined): QuotaUsage =>
      object === undefined ? new Map() : quotaUsage(counted, object, attributes.now, devicesOf(attributes));
    const { object } = attributes;
    if (object === undefined) return undefined;
    const delta = usageDifference(usageOf(object), usageOf(attributes.oldObject));
    const undos: AdmissionUndo[] = [];
    for (const quota of attributes.objects.list(resourceQuotas, attributes.namespace)) {
      if (!inQuotaScopes(quota.spec, counted, object)) continue;
      requireCompute(quota, attributes);
      const relevant = [...delta].filter(([name]) => quota.spec?.hard?.[name] !== undefined);
      if (relevant.length === 0) continue;
      undos.push(await this.#book(quota, relevant, attributes));
    }
    if (undos.length === 0) return undefined;
    return async () => {
      for (const undo of undos) await undo();
    };
  }

  async #book(
    quota: ResourceQuota,
    delta: readonly [string, Quantity][],
    attributes: AdmissionAttributes,
  ): Promise<AdmissionUndo> {
    const { name = "", namespace = "" } = quota.metadata ?? {};
    const add = async (sign: 1 | -1): Promise<void> => {
      const registry = this.#registry();
      await registry.storageFor(resourceQuotas).update(
        { ...registry.system("status"), dryRun: attributes.dryRun },
        {
          namespace,
          name,
          forceUnconditional: true,
          retryOnConflict: true,
          transform(current) {
            const next = structuredClone(current) as ResourceQuota & { metadata: object };
            const used = { ...next.status?.used };
            const hard = next.status?.hard ?? next.spec?.hard ?? {};
            if (sign === 1) checkFits(attributes, name, hard, used, delta);
            for (const [resource, quantity] of delta) {
              const before = Quantity.parse(used[resource] ?? "0");
              used[resource] = (sign === 1 ? before.add(quantity) : before.sub(quantity)).toString();
            }
            next.status = { ...next.status, hard, used };
            return next;
          },
        },
      );
    };
    await add(1);
    return () => add(-1);
  }
}

/** Asked only where claims are counted. */
function devicesOf({ objects, namespace }: AdmissionAttributes): DeviceContext {
  return {
    resourceOf: (className) => objects.get(deviceClasses, undefined, className)?.spec.extendedResourceName,
    podOf: (claim) =>
      payingPod(
        claim,
        (name) => objects.get(pods, namespace, name),
        () => objects.list(resourceClaims, namespace),
      ),
  };
}

function checkFits(
  attributes: AdmissionAttributes,
  quota: string,
  hard: Record<string, string>,
  used: Record<string, string>,
  delta: readonly [string, Quantity][],
): void {
  const exceeded = delta
    .filter(([name, quantity]) => {
      const limit = hard[name];
      if (limit === undefined || quantity.cmp(Quantity.parse("0")) <= 0) return false;
      return (
        Quantity.parse(used[name] ?? "0")
          .add(quantity)
          .cmp(Quantity.parse(limit)) > 0
      );
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (exceeded.length === 0) return;
  const list = (value: (name: string, quantity: Quantity) => string): string =>
    exceeded.map(([name, quantity]) => `${name}=${value(name, quantity)}`).join(",");
  throw forbidden(
    attributes,
    `exceeded quota: ${quota}, requested: ${list((_name, quantity) => quantity.toString())}, ` +
      `used: ${list((name) => used[name] ?? "0")}, limited: ${list((name) => hard[name] ?? "0")}`,
  );
}

/** A quota on CPU or memory obliges every container to say how much it needs, unless the pod as a whole does. */
function requireCompute(quota: ResourceQuota, attributes: AdmissionAttributes): void {
  if (attributes.resource !== "pods" || attributes.group !== "" || attributes.operation !== "CREATE") return;
  const { spec } = attributes.object as Pod;
  const missing: string[] = [];
  for (const name of Object.keys(quota.spec?.hard ?? {}).sort()) {
    if (!REQUIRED.has(name)) continue;
    const kind = name.startsWith("limits.") ? "limits" : "requests";
    const resource = name.replace(/^(limits|requests)\./, "");
    if (spec?.resources?.[kind]?.[resource] !== undefined) continue;
    const without = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
      .filter(({ resources }) => resources?.[kind]?.[resource] === undefined)
      .map((container) => container.name);
    if (without.length > 0) missing.push(`${name} for: ${without.join(",")}`);
  }
  if (missing.length > 0) {
    throw forbidden(attributes, `failed quota: ${quota.metadata?.name ?? ""}: must specify ${missing.join("; ")}`);
  }
}
