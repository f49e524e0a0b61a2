/** A container runtime in memory: the same kubelet without containers, for tests and simulated nodes. It needs no privileges. */
import { randomBytes } from "node:crypto";
import type { Clock } from "@knots/machinery";
import * as pb from "../generated/cri.ts";
import { CriCode, CriError } from "./error.ts";
import type { CriClients, ImageService, RuntimeService } from "./types.ts";

/** What becomes of a container after it was started; undefined: it runs until it is stopped. */
export type Behaviour = (
  config: pb.ContainerConfig,
  sandbox: pb.PodSandboxConfig,
) => { exitCode: number; afterMs: number } | undefined;

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  readonly behaviour?: Behaviour;
  /** A container ended by itself. */
  readonly onExit?: () => void;
  /** First three numbers of the pods' addresses. */
  readonly network?: string;
  /** Whether an image can be pulled; all can by default. */
  readonly pullable?: (image: string) => boolean;
}

/** What a simulated container without a limit holds. */
const DEFAULT_MEMORY_BYTES = 16n * 1024n * 1024n;

interface Sandbox {
  readonly id: string;
  /** Without the part that only a kernel would need. */
  readonly config: pb.PodSandboxConfig;
  readonly namespaces: pb.NamespaceOption | undefined;
  readonly createdAt: bigint;
  readonly ip: string;
  ready: boolean;
}

interface SimulatedContainer {
  readonly id: string;
  readonly sandbox: Sandbox;
  /** Once it was started, what is still told of it. */
  config: pb.ContainerConfig;
  readonly cpuShares: bigint;
  readonly memoryLimitInBytes: bigint;
  readonly createdAt: bigint;
  state: pb.ContainerState;
  startedAt: bigint;
  finishedAt: bigint;
  exitCode: number;
}

export class SimulatedRuntime implements CriClients {
  readonly #options: SimulatedRuntimeOptions;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #containers = new Map<string, SimulatedContainer>();
  readonly #images = new Map<string, pb.Image>();
  /** The node's, once it is told: "10.244.3". */
  #network: string;
  #last = 0n;

  constructor(options: SimulatedRuntimeOptions) {
    this.#options = options;
    this.#network = options.network ?? "10.244.0";
  }

  /** What became of a container; undefined: there is none of that id. */
  describe(id: string) {
    const container = this.#containers.get(id);
    if (container === undefined) return undefined;
    const { config, sandbox, startedAt, finishedAt, exitCode, state } = container;
    const { namespace = "", name = "" } = sandbox.config.metadata ?? {};
    return {
      name: config.metadata?.name ?? "",
      pod: `${namespace}/${name}`,
      startedAt: milliseconds(startedAt),
      finishedAt: milliseconds(finishedAt),
      exitCode,
      running: state === pb.ContainerState.CONTAINER_RUNNING,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is held.
  }

  readonly runtime: RuntimeService = {
    version: () =>
      Promise.resolve({ version: "0.1.0", runtimeName: "simulated", runtimeVersion: "1.0.0", runtimeApiVersion: "v1" }),
    status: () =>
      Promise.resolve(
        pb.StatusResponse.create({
          status: {
            conditions: ["RuntimeReady", "NetworkReady"].map((type) => ({
              type,
              status: true,
              reason: "",
              message: "",
            })),
          },
        }),
      ),
    updateRuntimeConfig: (podCIDR) => {
      this.#network = podCIDR.split(".").slice(0, 3).join(".");
      return Promise.resolve();
    },
    runPodSandbox: (config) => {
      const id = newID();
      const namespaces = config.linux?.securityContext?.namespaceOptions;
      const ip = namespaces?.network === pb.NamespaceMode.NODE ? "" : this.#freeAddress();
      const kept = { ...config, linux: undefined };
      this.#sandboxes.set(id, { id, config: kept, namespaces, createdAt: this.#now(), ip, ready: true });
      return Promise.resolve(id);
    },
    stopPodSandbox: (id) => {
      const sandbox = this.#sandboxes.get(id);
      if (sandbox !== undefined) sandbox.ready = false;
      for (const container of this.#containers.values()) if (container.sandbox.id === id) this.#exit(container, 137);
      return Promise.resolve();
    },
    removePodSandbox: (id) => {
      this.#sandboxes.delete(id);
      for (const container of this.#containers.values())
        if (container.sandbox.id === id) this.#containers.delete(container.id);
      return Promise.resolve();
    },
    podSandboxStatus: (id) => {
      const sandbox = this.#sandboxes.get(id);
      if (sandbox === undefined) return notFound("podSandboxStatus", "sandbox", id);
      return Promise.resolve(
        pb.PodSandboxStatusResponse.create({
          status: {
            ...listed(sandbox),
            network: { ip: sandbox.ip },
            linux: { namespaces: { options: sandbox.namespaces ?? {} } },
          },
        }),
      );
    },
    listPodSandbox: (filter) =>
      Promise.resolve(
        [...this.#sandboxes.values()].filter((each) => matches(each.config.labels, filter?.labelSelector)).map(listed),
      ),
    createContainer: (sandboxID, config) => {
      const sandbox = this.#sandboxes.get(sandboxID);
      if (sandbox === undefined) return notFound("createContainer", "sandbox", sandboxID);
      const id = newID();
      const state = pb.ContainerState.CONTAINER_CREATED;
      const { cpuShares = 0n, memoryLimitInBytes = 0n } = config.linux?.resources ?? {};
      this.#containers.set(id, {
        id,
        sandbox,
        config,
        cpuShares,
        memoryLimitInBytes,
        createdAt: this.#now(),
        state,
        startedAt: 0n,
        finishedAt: 0n,
        exitCode: 0,
      });
      return Promise.resolve(id);
    },
    startContainer: (id) => {
      const container = this.#containers.get(id);
      if (container === undefined) return notFound("startContainer", "container", id);
      let fate;
      try {
        fate = this.#options.behaviour?.(container.config, container.sandbox.config);
      } catch (error) {
        return Promise.reject(
          new CriError(
            "startContainer",
            CriCode.INVALID_ARGUMENT,
            error instanceof Error ? error.message : String(error),
          ),
        );
      }
      container.config = told(container.config);
      container.state = pb.ContainerState.CONTAINER_RUNNING;
      container.startedAt = this.#now();
      if (fate?.afterMs === 0) this.#exit(container, fate.exitCode);
      else if (fate !== undefined)
        this.#options.clock.setTimeout(() => {
          this.#exit(container, fate.exitCode);
          this.#options.onExit?.();
        }, fate.afterMs);
      return Promise.resolve();
    },
    stopContainer: (id, timeoutSeconds) => {
      const container = this.#containers.get(id);
      if (container === undefined) return notFound("stopContainer", "container", id);
      this.#exit(container, timeoutSeconds === 0 ? 137 : 0);
      return Promise.resolve();
    },
    removeContainer: (id) => {
      this.#containers.delete(id);
      return Promise.resolve();
    },
    listContainers: (filter) =>
      Promise.resolve(
        [...this.#containers.values()]
          .filter((each) => matches(each.config.labels, filter?.labelSelector))
          .map((each) => pb.Container.create({ ...described(each), podSandboxId: each.sandbox.id })),
      ),
    containerStatus: (id) => {
      const container = this.#containers.get(id);
      if (container === undefined) return notFound("containerStatus", "container", id);
      const { startedAt, finishedAt, exitCode, config, sandbox, state } = container;
      const ended = state === pb.ContainerState.CONTAINER_EXITED;
      return Promise.resolve(
        pb.ContainerStatusResponse.create({
          status: {
            ...described(container),
            startedAt,
            finishedAt,
            exitCode,
            reason: ended ? (exitCode === 0 ? "Completed" : "Error") : "",
            mounts: config.mounts,
            logPath: `${sandbox.config.logDirectory}/${config.logPath}`,
          },
        }),
      );
    },
    updateContainerResources: () => Promise.resolve(),
    reopenContainerLog: () => Promise.resolve(),
    execSync: () => unimplemented("execSync"),
    exec: () => unimplemented("exec"),
    attach: () => unimplemented("attach"),
    portForward: () => unimplemented("portForward"),
    containerStats: (id) => {
      const container = this.#containers.get(id);
      return Promise.resolve(container === undefined ? undefined : this.#stats(container));
    },
    listContainerStats: () => Promise.resolve([...this.#containers.values()].map((each) => this.#stats(each))),
    containerEvents: () => {
      throw new CriError("getContainerEvents", CriCode.UNIMPLEMENTED, "a simulated runtime has no event stream");
    },
  };

  readonly images: ImageService = {
    listImages: () => Promise.resolve([...this.#images.values()]),
    imageStatus: (image) => Promise.resolve(this.#images.get(image)),
    pullImage: (image) => {
      if (this.#options.pullable?.(image) === false) {
        return Promise.reject(
          new CriError("pullImage", CriCode.NOT_FOUND, `failed to pull image "${image}": not found`),
        );
      }
      this.#images.set(image, pb.Image.create({ id: image, repoTags: [image], size: 1_000_000n, uid: { value: 0n } }));
      return Promise.resolve(image);
    },
    removeImage: (image) => {
      this.#images.delete(image);
      return Promise.resolve();
    },
    imageFsInfo: () => Promise.resolve({ imageFilesystems: [], containerFilesystems: [] }),
  };

  /** A simulated container uses all the CPU it asked for, and half the memory it may have, from its start to its end. */
  #stats(container: SimulatedContainer): pb.ContainerStats {
    const { id, config, startedAt, finishedAt, state, cpuShares, memoryLimitInBytes } = container;
    const timestamp = BigInt(Math.trunc(this.#options.clock.now())) * 1_000_000n;
    const running = state === pb.ContainerState.CONTAINER_RUNNING;
    const until = running ? timestamp : finishedAt;
    // Times of the runtime differ in their last digits only to be in order.
    const ranFor = startedAt === 0n ? 0n : (until / 1_000_000n - startedAt / 1_000_000n) * 1_000_000n;
    const used = (ranFor * cpuShares) / 1024n;
    const bytes = running ? memoryLimitInBytes / 2n || DEFAULT_MEMORY_BYTES : 0n;
    return pb.ContainerStats.create({
      attributes: { id, metadata: config.metadata, labels: config.labels, annotations: config.annotations },
      cpu: { timestamp, usageCoreNanoSeconds: { value: used } },
      memory: {
        timestamp,
        workingSetBytes: { value: bytes },
        usageBytes: { value: bytes },
        rssBytes: { value: bytes },
      },
    });
  }

  /** The lowest that no running sandbox has; those of stopped ones are free again. */
  #freeAddress(): string {
    const used = new Set([...this.#sandboxes.values()].filter(({ ready }) => ready).map(({ ip }) => ip));
    let last = 2;
    while (used.has(`${this.#network}.${last}`)) last++;
    return `${this.#network}.${last}`;
  }

  #exit(container: SimulatedContainer, exitCode: number): void {
    if (container.state === pb.ContainerState.CONTAINER_EXITED) return;
    container.state = pb.ContainerState.CONTAINER_EXITED;
    container.exitCode = exitCode;
    container.finishedAt = this.#now();
  }

  /** Nanoseconds; never the same twice, so that newer is always later. */
  #now(): bigint {
    const now = BigInt(Math.trunc(this.#options.clock.now())) * 1_000_000n;
    this.#last = now > this.#last ? now : this.#last + 1_000n;
    return this.#last;
  }
}

/** What is still told of a container once it was started; thousands of them are kept. */
function told(config: pb.ContainerConfig): pb.ContainerConfig {
  return { ...config, linux: undefined, envs: NONE, devices: NONE, command: NONE, args: NONE };
}

const NONE: never[] = [];

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

function listed(sandbox: Sandbox): pb.PodSandbox {
  return pb.PodSandbox.create({
    id: sandbox.id,
    metadata: sandbox.config.metadata,
    state: sandbox.ready ? pb.PodSandboxState.SANDBOX_READY : pb.PodSandboxState.SANDBOX_NOTREADY,
    createdAt: sandbox.createdAt,
    labels: sandbox.config.labels,
    annotations: sandbox.config.annotations,
  });
}

function described({ id, config, state, createdAt }: SimulatedContainer) {
  const { metadata, image, labels, annotations } = config;
  return { id, metadata, image, imageRef: image?.image ?? "", state, createdAt, labels, annotations };
}

function matches(labels: Record<string, string>, selector: Record<string, string> | undefined): boolean {
  return Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value);
}

function newID(): string {
  return randomBytes(32).toString("hex");
}

function notFound(method: string, what: string, id: string): Promise<never> {
  return Promise.reject(new CriError(method, CriCode.NOT_FOUND, `${what} "${id}" not found`));
}

function unimplemented(method: string): Promise<never> {
  return Promise.reject(new CriError(method, CriCode.UNIMPLEMENTED, `a simulated container cannot ${method}`));
}
