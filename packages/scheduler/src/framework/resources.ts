import type { Container, PodSpec } from "@knots/api/core/v1";
import { podRequests, Quantity } from "@knots/machinery";

/** Amounts of one node or pod. CPU in thousandths of a core, memory and storage in bytes, extended resources in whole units. */
export interface Resources {
  milliCPU: number;
  memory: number;
  ephemeralStorage: number;
  /** Extended resources and huge pages by name. */
  readonly scalar: Map<string, number>;
}

/** What a container without requests counts as when nodes are compared; not when it is checked whether it fits. */
const DEFAULT_MILLI_CPU = 100;
const DEFAULT_MEMORY = 200 * 1024 * 1024;

export function noResources(): Resources {
  return { milliCPU: 0, memory: 0, ephemeralStorage: 0, scalar: new Map() };
}

export function cloneResources(from: Resources): Resources {
  return { ...from, scalar: new Map(from.scalar) };
}

/** Adds `factor` times `amount` to `total`. */
export function addResources(total: Resources, amount: Resources, factor: 1 | -1): void {
  total.milliCPU += factor * amount.milliCPU;
  total.memory += factor * amount.memory;
  total.ephemeralStorage += factor * amount.ephemeralStorage;
  for (const [name, value] of amount.scalar) total.scalar.set(name, (total.scalar.get(name) ?? 0) + factor * value);
}

type QuantityLike = string | number | Quantity;

/** Resources of a ResourceList; "pods" is not among them (see allowedPods). */
export function resourcesOf(list: Readonly<Record<string, QuantityLike | undefined>> | undefined): Resources {
  const result = noResources();
  for (const [name, value] of Object.entries(list ?? {})) {
    if (value === undefined) continue;
    const quantity = value instanceof Quantity ? value : Quantity.parse(String(value));
    if (name === "cpu") result.milliCPU = Number(quantity.milliValue());
    else if (name === "memory") result.memory = Number(quantity.value());
    else if (name === "ephemeral-storage") result.ephemeralStorage = Number(quantity.value());
    else if (name !== "pods") result.scalar.set(name, Number(quantity.value()));
  }
  return result;
}

export function allowedPods(list: Readonly<Record<string, QuantityLike | undefined>> | undefined): number {
  const value = list?.["pods"];
  if (value === undefined) return 0;
  return Number((value instanceof Quantity ? value : Quantity.parse(String(value))).value());
}

/** What a pod asks for: containers, init containers, sidecars and overhead by upstream's rules. */
export function requestsOf(spec: PodSpec): Resources {
  return resourcesOf(podRequests(spec));
}

/** The same with a guess for containers that ask for no CPU or memory, so that such pods spread as well. */
export function nonZeroRequestsOf(spec: PodSpec): { milliCPU: number; memory: number } {
  const podLevel = spec.resources?.requests;
  const guess = (container: Container): Container => {
    const requests = container.resources?.requests;
    return {
      ...container,
      resources: {
        ...container.resources,
        requests: {
          ...requests,
          cpu: requests?.["cpu"] ?? `${DEFAULT_MILLI_CPU}m`,
          memory: requests?.["memory"] ?? String(DEFAULT_MEMORY),
        },
      },
    };
  };
  const guessed = resourcesOf(
    podRequests({
      ...spec,
      containers: spec.containers.map(guess),
      ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(guess) }),
      ...(podLevel === undefined ? {} : { resources: spec.resources }),
    }),
  );
  return { milliCPU: guessed.milliCPU, memory: guessed.memory };
}
