/** Measures what the Node's status is made of. */
import type { Clock } from "@knots/machinery";
import type { CriClients } from "../cri/types.ts";
import { allocatable, capacity, type Reservations } from "./capacity.ts";
import { filesystem, type MachineInfo } from "./machine-info.ts";
import type { NodeFacts } from "./node-status.ts";

export interface NodeFactsOptions {
  readonly cri: CriClients;
  readonly clock: Clock;
  readonly machine: MachineInfo;
  readonly addresses: readonly { type: string; address: string }[];
  readonly rootDir: string;
  readonly maxPods: number;
  readonly reservations: Reservations;
  readonly port: number;
  readonly kubeletVersion: string;
  /** What keeps the node from being ready. */
  readonly problems: () => string[];
  readonly pressure: () => NodeFacts["pressure"];
  /** Size of the node's disk; that of the filesystem of `rootDir` where it is absent. */
  readonly diskBytes?: () => Promise<number>;
}

/** How often the runtime is asked for its images. */
const IMAGES_MS = 60_000;

export class NodeFactsSource {
  readonly #options: NodeFactsOptions;
  #runtimeVersion: string | undefined;
  #images: NodeFacts["images"] = [];
  #imagesAt = Number.NEGATIVE_INFINITY;

  constructor(options: NodeFactsOptions) {
    this.#options = options;
  }

  /** "containerd://1.6.20", or "" before the runtime has ever answered. */
  get runtimeVersion(): string {
    return this.#runtimeVersion ?? "";
  }

  /** "containerd": before the runtime has ever answered, what it most likely is. */
  get runtimeName(): string {
    return this.#runtimeVersion?.split("://")[0] ?? "containerd";
  }

  async measure(): Promise<NodeFacts> {
    const { cri, clock, machine, addresses, rootDir, maxPods, reservations, port, kubeletVersion } = this.#options;
    const diskBytes = this.#options.diskBytes ?? (async () => (await filesystem(rootDir)).capacity);
    const total = capacity(machine, await diskBytes(), maxPods);
    // A runtime that does not answer must not keep the node from reporting: that is when the report matters most.
    if (this.#runtimeVersion === undefined) {
      const version = await cri.runtime.version().catch(() => undefined);
      if (version !== undefined) this.#runtimeVersion = `${version.runtimeName}://${version.runtimeVersion}`;
    }
    if (clock.monotonic() - this.#imagesAt >= IMAGES_MS) {
      const images = await cri.images.listImages().catch(() => undefined);
      if (images !== undefined) {
        this.#images = images;
        this.#imagesAt = clock.monotonic();
      }
    }
    return {
      now: clock.now(),
      addresses,
      machine,
      capacity: total,
      allocatable: allocatable(total, reservations),
      port,
      kubeletVersion,
      runtimeVersion: this.runtimeVersion,
      images: this.#images,
      problems: this.#options.problems(),
      pressure: this.#options.pressure(),
    };
  }
}
