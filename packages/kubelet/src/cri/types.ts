/**
 * The container runtime as the kubelet sees it: CRI v1 as promises. The gRPC client (`client.ts`) and any
 * in-memory runtime implement the same two interfaces, so nothing above knows which one runs.
 */
import type * as pb from "../generated/cri.ts";

export type * as cri from "../generated/cri.ts";

/** `timeoutMs` undefined: no deadline (image pulls, sandbox set-up). */
export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface RuntimeService {
  version(): Promise<pb.VersionResponse>;
  status(verbose?: boolean): Promise<pb.StatusResponse>;
  updateRuntimeConfig(podCIDR: string): Promise<void>;
  runPodSandbox(config: pb.PodSandboxConfig, runtimeHandler: string): Promise<string>;
  /** Idempotent. */
  stopPodSandbox(id: string): Promise<void>;
  /** Idempotent. */
  removePodSandbox(id: string): Promise<void>;
  podSandboxStatus(id: string, verbose?: boolean): Promise<pb.PodSandboxStatusResponse>;
  listPodSandbox(filter?: Partial<pb.PodSandboxFilter>): Promise<pb.PodSandbox[]>;
  createContainer(sandboxID: string, config: pb.ContainerConfig, sandboxConfig: pb.PodSandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** `timeoutSeconds`: between the stop signal and SIGKILL. Idempotent. */
  stopContainer(id: string, timeoutSeconds: number): Promise<void>;
  /** Idempotent. */
  removeContainer(id: string): Promise<void>;
  listContainers(filter?: Partial<pb.ContainerFilter>): Promise<pb.Container[]>;
  /** Throws `CriError` with code NOT_FOUND when the container is gone. */
  containerStatus(id: string, verbose?: boolean): Promise<pb.ContainerStatusResponse>;
  updateContainerResources(id: string, resources: pb.LinuxContainerResources): Promise<void>;
  reopenContainerLog(id: string): Promise<void>;
  execSync(id: string, cmd: readonly string[], timeoutSeconds: number): Promise<pb.ExecSyncResponse>;
  exec(request: pb.ExecRequest): Promise<string>;
  attach(request: pb.AttachRequest): Promise<string>;
  portForward(request: pb.PortForwardRequest): Promise<string>;
  containerStats(id: string): Promise<pb.ContainerStats | undefined>;
  listContainerStats(): Promise<pb.ContainerStats[]>;
  /** Throws `CriError` UNIMPLEMENTED where the runtime has no event stream (containerd before 1.7). */
  containerEvents(signal: AbortSignal): AsyncIterable<pb.ContainerEventResponse>;
}

export interface ImageService {
  listImages(): Promise<pb.Image[]>;
  imageStatus(image: string): Promise<pb.Image | undefined>;
  /** Resolves to the image reference (an id or digest) that containers are created with. */
  pullImage(image: string, auth: pb.AuthConfig | undefined, sandbox: pb.PodSandboxConfig | undefined): Promise<string>;
  removeImage(image: string): Promise<void>;
  imageFsInfo(): Promise<pb.ImageFsInfoResponse>;
}

export interface CriClients extends AsyncDisposable {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
}
