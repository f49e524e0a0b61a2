import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from "@knots/api/core/v1";
import { addressTypeOf } from "../endpointslice/endpoint.ts";
import { findPort } from "../endpointslice/ports.ts";
import { endpointHostname, hasEndpoint } from "../endpointslice/selection.ts";
import { compareStrings, metaOf } from "../framework/objects.ts";
import { isReady } from "../framework/pod-state.ts";

/** An Endpoints object shows so many addresses at most; slices show them all. */
export const MAX_ADDRESSES = 1000;

interface Entry {
  readonly address: EndpointAddress;
  readonly ready: boolean;
  readonly ports: readonly EndpointPort[];
}

/** The pod's address of the Service's first family. */
function addressOf(pod: Pod, service: Service): string | undefined {
  const family = service.spec?.ipFamilies?.[0];
  const all: (string | undefined)[] = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  if (all.length === 0) all.push(pod.status?.podIP);
  return family === undefined ? pod.status?.podIP : all.find((ip) => ip !== undefined && addressTypeOf(ip) === family);
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = findPort(pod, servicePort);
    if (port === undefined) return [];
    const { name, protocol = "TCP", appProtocol } = servicePort;
    return [
      {
        ...(name ? { name } : {}),
        port,
        protocol,
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
}

/** The subsets of a Service's Endpoints: addresses that have the same ports stand together, all in a fixed order. Pure. */
export function endpointSubsets(service: Service, selected: readonly Pod[]): EndpointSubset[] {
  const publishAll = service.spec?.publishNotReadyAddresses === true;
  const entries: Entry[] = [];
  for (const pod of selected) {
    if (!hasEndpoint(pod, publishAll)) continue;
    const ip = addressOf(pod, service);
    if (ip === undefined) continue;
    const { name, namespace, uid } = metaOf(pod);
    const hostname = endpointHostname(pod, service);
    const address: EndpointAddress = {
      ip,
      ...(hostname === undefined ? {} : { hostname }),
      ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: { kind: "Pod", namespace, name, uid },
    };
    const ports = portsOf(service, pod);
    const headlessWithoutPorts = service.spec?.clusterIP === "None" && (service.spec.ports ?? []).length === 0;
    if (ports.length === 0 && !headlessWithoutPorts) continue;
    entries.push({ address, ready: publishAll || isReady(pod), ports });
  }
  return repack(entries);
}

/** Ports with the same addresses share a subset. Pure. */
function repack(entries: readonly Entry[]): EndpointSubset[] {
  const byPort = new Map<string, { port: EndpointPort | undefined; entries: Entry[] }>();
  for (const entry of entries) {
    for (const port of entry.ports.length === 0 ? [undefined] : entry.ports) {
      const key = JSON.stringify([port?.name ?? "", port?.port, port?.protocol, port?.appProtocol]);
      let group = byPort.get(key);
      if (group === undefined) byPort.set(key, (group = { port, entries: [] }));
      group.entries.push(entry);
    }
  }
  const byAddresses = new Map<string, { ports: EndpointPort[]; entries: Entry[] }>();
  for (const { port, entries: of } of byPort.values()) {
    of.sort(compareEntries);
    const key = JSON.stringify(of.map(({ address, ready }) => [address.ip, address.targetRef?.uid, ready]));
    let group = byAddresses.get(key);
    if (group === undefined) byAddresses.set(key, (group = { ports: [], entries: of }));
    if (port !== undefined) group.ports.push(port);
  }
  const subsets = [...byAddresses.values()].map(({ ports, entries: of }): EndpointSubset => {
    const ready = of.filter((entry) => entry.ready).map(({ address }) => address);
    const notReady = of.filter((entry) => !entry.ready).map(({ address }) => address);
    ports.sort((a, b) => compareStrings(a.name ?? "", b.name ?? "") || a.port - b.port);
    return {
      ...(ready.length > 0 ? { addresses: ready } : {}),
      ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
      ...(ports.length > 0 ? { ports } : {}),
    };
  });
  return subsets.toSorted((a, b) => compareStrings(orderOf(a), orderOf(b)));
}

/** A subset's place: by its addresses, then by everything else. */
function orderOf(subset: EndpointSubset): string {
  const ips = [...(subset.addresses ?? []), ...(subset.notReadyAddresses ?? [])].map(({ ip }) => ip);
  return `${ips.join(",")} ${JSON.stringify(subset)}`;
}

function compareEntries(a: Entry, b: Entry): number {
  return (
    compareStrings(a.address.ip, b.address.ip) ||
    compareStrings(a.address.targetRef?.uid ?? "", b.address.targetRef?.uid ?? "")
  );
}

/** At most `max` addresses, ready ones first, each subset in proportion. `truncated` says whether some were left out. Pure. */
export function truncateSubsets(
  subsets: readonly EndpointSubset[],
  max: number,
): { subsets: EndpointSubset[]; truncated: boolean } {
  const ready = subsets.reduce((sum, { addresses }) => sum + (addresses?.length ?? 0), 0);
  const notReady = subsets.reduce((sum, { notReadyAddresses }) => sum + (notReadyAddresses?.length ?? 0), 0);
  if (ready + notReady <= max) return { subsets: [...subsets], truncated: false };
  const readyMax = Math.min(ready, max);
  const notReadyMax = max - readyMax;
  const result: EndpointSubset[] = [];
  let [readyLeft, notReadyLeft] = [readyMax, notReadyMax];
  for (const [i, subset] of subsets.entries()) {
    const last = i === subsets.length - 1;
    const share = (count: number, total: number, most: number, left: number): number =>
      Math.min(left, count, last ? left : Math.ceil((count * most) / Math.max(1, total)));
    const r = share(subset.addresses?.length ?? 0, ready, readyMax, readyLeft);
    const n = share(subset.notReadyAddresses?.length ?? 0, notReady, notReadyMax, notReadyLeft);
    readyLeft -= r;
    notReadyLeft -= n;
    if (r + n === 0) continue;
    const { addresses, notReadyAddresses, ...rest } = subset;
    result.push({
      ...rest,
      ...(r > 0 ? { addresses: addresses?.slice(0, r) ?? [] } : {}),
      ...(n > 0 ? { notReadyAddresses: notReadyAddresses?.slice(0, n) ?? [] } : {}),
    });
  }
  return { subsets: result, truncated: true };
}
