import type {
  ComponentStatus,
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { AGE, MOST_SHOWN, NAME, age, column, labelText, listWithMore, wide } from "./columns.ts";
import type { TableKind } from "./columns.ts";

const LOAD_BALANCER_WIDTH = 16;

function nodeRoles(node: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (key.startsWith("node-role.kubernetes.io/") && key.length > 24) roles.add(key.slice(24));
    else if (key === "kubernetes.io/role" && value !== "") roles.add(value);
  }
  return roles.size === 0 ? "<none>" : [...roles].sort().join(",");
}

function nodeStatus(node: Node): string {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  const words = [ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady"];
  if (node.spec?.unschedulable === true) words.push("SchedulingDisabled");
  return words.join(",");
}

function nodeAddress(node: Node, wanted: string): string {
  return node.status?.addresses?.find(({ type }) => type === wanted)?.address ?? "<none>";
}

function orUnknown(text: string | undefined): string {
  return text === undefined || text === "" ? "<unknown>" : text;
}

export const nodeTable: TableKind<Node> = {
  columns: [
    NAME,
    column<Node>("Status", nodeStatus),
    column<Node>("Roles", nodeRoles),
    AGE,
    column<Node>("Version", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
    wide<Node>("Internal-IP", (node) => nodeAddress(node, "InternalIP")),
    wide<Node>("External-IP", (node) => nodeAddress(node, "ExternalIP")),
    wide<Node>("OS-Image", ({ status }) => orUnknown(status?.nodeInfo?.osImage)),
    wide<Node>("Kernel-Version", ({ status }) => orUnknown(status?.nodeInfo?.kernelVersion)),
    wide<Node>("Container-Runtime", ({ status }) => orUnknown(status?.nodeInfo?.containerRuntimeVersion)),
  ],
};

export const namespaceTable: TableKind<Namespace> = {
  columns: [NAME, column<Namespace>("Status", ({ status }) => status?.phase ?? ""), AGE],
};

/** Addresses of a load balancer. Upstream's server always shows them whole: it makes wide rows. */
export function loadBalancerText(
  ingress: readonly { ip?: string; hostname?: string }[] | undefined,
  whole = true,
): string {
  const names = (ingress ?? []).map(({ ip, hostname }) => (ip !== undefined && ip !== "" ? ip : (hostname ?? "")));
  const text = [...new Set(names.filter((name) => name !== ""))].sort().join(",");
  return whole || text.length <= LOAD_BALANCER_WIDTH ? text : `${text.slice(0, LOAD_BALANCER_WIDTH - 3)}...`;
}

function externalIP({ spec, status }: Service): string {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case "LoadBalancer": {
      const balancer = loadBalancerText(status?.loadBalancer?.ingress);
      const all = [...(balancer === "" ? [] : [balancer]), ...external];
      return all.length === 0 ? "<pending>" : all.join(",");
    }
    case "ExternalName":
      return spec.externalName ?? "";
    case "ClusterIP":
    case "NodePort":
      return external.length === 0 ? "<none>" : external.join(",");
    default:
      return "<unknown>";
  }
}

function servicePorts({ spec }: Service): string {
  const ports = (spec?.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort !== undefined && nodePort > 0
      ? `${port}:${nodePort}/${protocol ?? "TCP"}`
      : `${port}/${protocol ?? "TCP"}`,
  );
  return ports.length === 0 ? "<none>" : ports.join(",");
}

export const serviceTable: TableKind<Service> = {
  columns: [
    NAME,
    column<Service>("Type", ({ spec }) => spec?.type ?? ""),
    column<Service>("Cluster-IP", ({ spec }) => spec?.clusterIPs?.[0] ?? "<none>"),
    column<Service>("External-IP", externalIP),
    column<Service>("Port(s)", servicePorts),
    AGE,
    wide<Service>("Selector", ({ spec }) => labelText(spec?.selector)),
  ],
};

function endpointsText({ subsets }: Endpoints): string {
  const list: string[] = [];
  let count = 0;
  // Each address with each port: those that are not shown are only counted.
  const add = (texts: readonly string[]): void => {
    count += texts.length;
    list.push(...texts.slice(0, Math.max(0, MOST_SHOWN - list.length)));
  };
  for (const { addresses = [], ports = [] } of subsets ?? []) {
    if (ports.length === 0) add(addresses.map(({ ip }) => ip));
    const bracketed = addresses.map(({ ip }) => (ip.includes(":") ? `[${ip}]` : ip));
    for (const { port } of ports) {
      if (list.length < MOST_SHOWN) add(bracketed.map((address) => `${address}:${port}`));
      else count += bracketed.length;
    }
  }
  return (subsets ?? []).length === 0 ? "<none>" : listWithMore(list, "", count);
}

export const endpointsTable: TableKind<Endpoints> = {
  columns: [NAME, column<Endpoints>("Endpoints", endpointsText), AGE],
};

export const endpointSliceTable: TableKind<EndpointSlice> = {
  columns: [
    NAME,
    column<EndpointSlice>("AddressType", ({ addressType }) => addressType ?? ""),
    column<EndpointSlice>("Ports", ({ ports }) =>
      listWithMore(
        (ports ?? []).map(({ port, name }) => String(port ?? name ?? "*")),
        "<unset>",
      ),
    ),
    column<EndpointSlice>("Endpoints", ({ endpoints }) =>
      listWithMore(
        (endpoints ?? []).flatMap(({ addresses }) => addresses ?? []),
        "<unset>",
      ),
    ),
    AGE,
  ],
};

function eventSource(event: Event): string {
  const component =
    event.source?.component !== undefined && event.source.component !== ""
      ? event.source.component
      : (event.reportingComponent ?? "");
  const host =
    event.source?.host !== undefined && event.source.host !== "" ? event.source.host : (event.reportingInstance ?? "");
  return host === "" ? component : `${component}, ${host}`;
}

function lastSeen(event: Event): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata?.creationTimestamp;
}

export const eventTable: TableKind<Event> = {
  columns: [
    column<Event>("Last Seen", (event, now) => age(lastSeen(event), now)),
    column<Event>("Type", ({ type }) => type ?? ""),
    column<Event>("Reason", ({ reason }) => reason ?? ""),
    column<Event>(
      "Object",
      ({ involvedObject }) => `${(involvedObject?.kind ?? "").toLowerCase()}/${involvedObject?.name ?? ""}`,
    ),
    wide<Event>("Subobject", ({ involvedObject }) => involvedObject?.fieldPath ?? ""),
    wide<Event>("Source", eventSource),
    column<Event>("Message", ({ message }) => (message ?? "").trim()),
    wide<Event>("First Seen", (event, now) =>
      age(event.firstTimestamp ?? event.eventTime ?? event.metadata?.creationTimestamp, now),
    ),
    wide<Event>("Count", ({ series, count }) =>
      String(series?.count ?? (count === undefined || count === 0 ? 1 : count)),
    ),
    { ...NAME, priority: 1 },
  ],
};

export const configMapTable: TableKind<ConfigMap> = {
  columns: [
    NAME,
    column<ConfigMap>("Data", ({ data, binaryData }) =>
      String(Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length),
    ),
    AGE,
  ],
};

export const secretTable: TableKind<Secret> = {
  columns: [
    NAME,
    column<Secret>("Type", ({ type }) => type ?? ""),
    column<Secret>("Data", ({ data }) => String(Object.keys(data ?? {}).length)),
    AGE,
  ],
};

export const serviceAccountTable: TableKind<ServiceAccount> = {
  columns: [NAME, column<ServiceAccount>("Secrets", ({ secrets }) => String((secrets ?? []).length)), AGE],
};

const ACCESS_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

function accessModes(modes: readonly string[] | undefined): string {
  return Object.entries(ACCESS_MODES)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",");
}

export const persistentVolumeTable: TableKind<PersistentVolume> = {
  columns: [
    NAME,
    column<PersistentVolume>("Capacity", ({ spec }) => spec?.capacity?.storage ?? "0"),
    column<PersistentVolume>("Access Modes", ({ spec }) => accessModes(spec?.accessModes)),
    column<PersistentVolume>("Reclaim Policy", ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ""),
    column<PersistentVolume>("Status", ({ metadata, status }) =>
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
    ),
    column<PersistentVolume>("Claim", ({ spec }) =>
      spec?.claimRef === undefined ? "" : `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}`,
    ),
    column<PersistentVolume>("StorageClass", ({ spec }) => spec?.storageClassName ?? ""),
    column<PersistentVolume>("VolumeAttributesClass", ({ spec }) => spec?.volumeAttributesClassName ?? "<unset>"),
    column<PersistentVolume>("Reason", ({ status }) => status?.reason ?? ""),
    AGE,
    wide<PersistentVolume>("VolumeMode", ({ spec }) => spec?.volumeMode ?? "<unset>"),
  ],
};

export const persistentVolumeClaimTable: TableKind<PersistentVolumeClaim> = {
  columns: [
    NAME,
    column<PersistentVolumeClaim>("Status", ({ metadata, status }) =>
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
    ),
    column<PersistentVolumeClaim>("Volume", ({ spec }) => spec?.volumeName ?? ""),
    column<PersistentVolumeClaim>("Capacity", ({ spec, status }) =>
      spec?.volumeName !== undefined && spec.volumeName !== "" ? (status?.capacity?.storage ?? "0") : "",
    ),
    column<PersistentVolumeClaim>("Access Modes", ({ spec, status }) =>
      spec?.volumeName !== undefined && spec.volumeName !== "" ? accessModes(status?.accessModes) : "",
    ),
    column<PersistentVolumeClaim>(
      "StorageClass",
      ({ spec, metadata }) =>
        metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "",
    ),
    column<PersistentVolumeClaim>("VolumeAttributesClass", ({ spec }) => spec?.volumeAttributesClassName ?? "<unset>"),
    AGE,
    wide<PersistentVolumeClaim>("VolumeMode", ({ spec }) => spec?.volumeMode ?? "<unset>"),
  ],
};

function quotaText({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith("limits.") === limits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? "0"}/${status?.hard?.[name] ?? "0"}`)
    .join(", ");
}

export const resourceQuotaTable: TableKind<ResourceQuota> = {
  columns: [
    NAME,
    column<ResourceQuota>("Request", (quota) => quotaText(quota, false)),
    column<ResourceQuota>("Limit", (quota) => quotaText(quota, true)),
    AGE,
  ],
};

export const componentStatusTable: TableKind<ComponentStatus> = {
  columns: [
    NAME,
    column<ComponentStatus>("Status", (component) => {
      const healthy = healthOf(component);
      return healthy === undefined ? "Unknown" : healthy.status === "True" ? "Healthy" : "Unhealthy";
    }),
    column<ComponentStatus>("Message", (component) => healthOf(component)?.message ?? ""),
    column<ComponentStatus>("Error", (component) => healthOf(component)?.error ?? ""),
  ],
};

function healthOf({ conditions }: ComponentStatus) {
  return conditions?.find(({ type }) => type === "Healthy");
}
