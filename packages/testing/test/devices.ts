import type { Device, ResourceSlice } from "@knots/api/resource/v1";

/** What a node's driver says that it has: one pool, whole in one slice, both named like the node. */
export function sliceOf(nodeName: string, devices: readonly Device[]): ResourceSlice {
  return {
    metadata: { name: nodeName },
    spec: {
      driver: "gpu.test",
      nodeName,
      pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
      devices: [...devices],
    },
  };
}

/** So many devices: gpu-0, gpu-1 ... */
export const gpus = (count: number): Device[] => Array.from({ length: count }, (_, i) => ({ name: `gpu-${i}` }));
