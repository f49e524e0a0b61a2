const QUIET = "--disable-warning=ExperimentalWarning";

/**
 * How Node collects garbage, by what a process is for. `small` is for the components of a cluster of a few nodes, which
 * hold little for a long time: least memory, at twice the CPU where much is done. The others let the heap grow by so many
 * percent before it is collected (V8 by itself lets it grow to several times of what is in use): a tenth more CPU for a
 * third of the memory with tens of thousands of objects.
 */
export const NODE_FLAGS = {
  small: [QUIET, "--max-semi-space-size=1", "--optimize-for-size"],
  /** Controllers, schedulers and kubelets that run alone, or of simulated clusters. */
  large: [QUIET, "--max-semi-space-size=2", "--heap-growing-percent=18"],
  /** API servers that run alone: what a request leaves behind is collected before it makes the heap grow. */
  server: [QUIET, "--max-semi-space-size=16", "--heap-growing-percent=80"],
  /** The API server of a cluster: a tenth slower under load, for a tenth of the memory less. */
  clusterServer: [QUIET, "--max-semi-space-size=4", "--heap-growing-percent=40"],
} as const;

/** One heap of malloc's for all threads: each further one keeps megabytes that nobody uses. */
export const NODE_ENV = { MALLOC_ARENA_MAX: "1" };
