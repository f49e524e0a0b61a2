import type { Container, PodSpec } from "@knots/api/core/v1";

const LISTS = ["initContainers", "containers", "ephemeralContainers"] as const;
export type ContainerList = (typeof LISTS)[number];

/** Every container of a pod, in upstream's order. */
export function forEachContainer(
  spec: PodSpec,
  visit: (container: Container, list: ContainerList, index: number) => void,
): void {
  for (const list of LISTS)
    (spec[list] as Container[] | undefined)?.forEach((container, index) => visit(container, list, index));
}
