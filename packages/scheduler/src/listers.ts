import { replicaSets, statefulSets } from "@knots/api/apps/v1";
import type { Pod, Service } from "@knots/api/core/v1";
import {
  namespaces,
  persistentVolumeClaims,
  persistentVolumes,
  replicationControllers,
  services,
} from "@knots/api/core/v1";
import { podDisruptionBudgets } from "@knots/api/policy/v1";
import { csiDrivers, csiNodes, csiStorageCapacities, storageClasses } from "@knots/api/storage/v1";
import type { Informer, InformerFactory } from "@knots/client";
import { getControllerOf, Selector, selectorFromLabelSelector, selectorFromSet } from "@knots/machinery";
import type { KubeObject, LabelSelector } from "@knots/machinery";
import type { ClusterEvent } from "./framework/events.ts";
import type { Listers } from "./framework/handle.ts";
import { watchDynamicResources } from "./plugins/dynamic-resources/manager.ts";

/** Something that has pods of its own, cut down to what is read of it. */
interface PodOwner extends KubeObject {
  spec?: { selector?: unknown };
}

function slim<T extends PodOwner>(object: T): T {
  const { name, namespace, uid, resourceVersion } = object.metadata ?? {};
  const metadata = { name, namespace, uid, resourceVersion };
  return { apiVersion: object.apiVersion, kind: object.kind, metadata, spec: { selector: object.spec?.selector } } as T;
}

/** The informers beside those of pods and nodes, as the listers plug-ins read. `changed`: something may have become possible. */
export function createListers(
  informers: InformerFactory,
  changed: (event: ClusterEvent, old?: unknown, current?: unknown) => void,
): Listers {
  const spaces = informers.informer(namespaces);
  const claims = informers.informer(persistentVolumeClaims);
  const volumes = informers.informer(persistentVolumes);
  const classes = informers.informer(storageClasses);
  const csi = informers.informer(csiNodes);
  const drivers = informers.informer(csiDrivers);
  const capacities = informers.informer(csiStorageCapacities);
  const budgets = informers.informer(podDisruptionBudgets);
  const serviceInformer = informers.informer(services, { transform: slim });
  const owners: Readonly<Record<string, Informer<PodOwner>>> = {
    ReplicaSet: informers.informer(replicaSets, { transform: slim }) as unknown as Informer<PodOwner>,
    StatefulSet: informers.informer(statefulSets, { transform: slim }) as unknown as Informer<PodOwner>,
    ReplicationController: informers.informer(replicationControllers, {
      transform: slim,
    }) as unknown as Informer<PodOwner>,
  };
  for (const informer of [claims, volumes, classes, csi, drivers, capacities] as Informer<KubeObject>[]) {
    const tell = (): void => changed("VolumeChange");
    informer.addHandler({ add: tell, update: tell });
  }
  const spaceChanged = (): void => changed("NamespaceChange");
  spaces.addHandler({ add: spaceChanged, update: spaceChanged });
  return {
    namespaceLabels: (name) => {
      const space = spaces.lister.get(name);
      return space === undefined ? undefined : (space.metadata?.labels ?? {});
    },
    claim: (namespace, name) => claims.lister.get(`${namespace}/${name}`),
    volume: (name) => volumes.lister.get(name),
    volumes: () => volumes.lister.list(),
    storageClass: (name) => classes.lister.get(name),
    csiNode: (name) => csi.lister.get(name),
    csiDriver: (name) => drivers.lister.get(name),
    storageCapacities: () => capacities.lister.list(),
    budgets: (namespace) => budgets.lister.list(namespace),
    dynamicResources: watchDynamicResources(informers, changed),
    defaultSelector: (pod) => {
      const namespace = pod.metadata?.namespace ?? "";
      return defaultSelector(pod, serviceInformer.lister.list(namespace), (kind, name) =>
        owners[kind]?.lister.get(`${namespace}/${name}`),
      );
    },
  };
}

/** What selects a pod's kin: its Services' selectors and its controller's, all of them together. Pure. */
export function defaultSelector(
  pod: Pod,
  inNamespace: readonly Service[],
  owner: (kind: string, name: string) => PodOwner | undefined,
): Selector | undefined {
  const labels = pod.metadata?.labels;
  if (labels === undefined) return undefined;
  const parts = inNamespace
    .filter(({ spec }) => spec?.selector !== undefined && selectorFromSet(spec.selector).matches(labels))
    .map(({ spec }) => selectorFromSet(spec?.selector ?? {}));
  const ref = getControllerOf(pod);
  const selector = ref === undefined ? undefined : owner(ref.kind, ref.name)?.spec?.selector;
  if (selector !== undefined) {
    parts.push(
      ref?.kind === "ReplicationController"
        ? selectorFromSet(selector as Record<string, string>)
        : selectorFromLabelSelector(selector as LabelSelector),
    );
  }
  return parts.length === 0 ? undefined : new Selector(parts.flatMap(({ requirements }) => requirements));
}
