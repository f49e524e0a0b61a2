/** The CRI over gRPC on a unix socket. */
import { credentials, type ServiceError } from "@grpc/grpc-js";
import * as pb from "../generated/cri.ts";
import { CriError } from "./error.ts";
import type { CriClients, ImageService, RuntimeService } from "./types.ts";

/** Upstream's --runtime-request-timeout. */
const DEFAULT_TIMEOUT_MS = 120_000;
/** A list of all containers with labels and annotations grows beyond gRPC's 4 MiB on busy nodes. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** The one overload of the generated methods that is used: request, options, callback. */
type UnaryMethod<Q, R> = (
  request: Q,
  options: { deadline?: number },
  callback: (error: ServiceError | null, response: R) => void,
) => unknown;

/** `endpoint`: `unix:///run/containerd/containerd.sock`, or the bare path. Connects at the first call and reconnects by itself. */
export function openCri(endpoint: string, options: { timeoutMs?: number } = {}): CriClients {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const address = endpoint.startsWith("/") ? `unix://${endpoint}` : endpoint;
  const channel = {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 3_000,
    // The socket is local: looking a proxy up or resolving service configuration is wasted work.
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
  };
  const runtimeClient = new pb.RuntimeServiceClient(address, credentials.createInsecure(), channel);
  const imageClient = new pb.ImageServiceClient(address, credentials.createInsecure(), channel);

  const call =
    (client: object) =>
    <Q, R>(name: string, request: Q, deadlineMs: number | undefined = timeoutMs): Promise<R> =>
      new Promise((resolve, reject) => {
        const method = (client as Record<string, UnaryMethod<Q, R> | undefined>)[name];
        if (method === undefined) throw new Error(`CRI client has no method ${name}`);
        const options = Number.isFinite(deadlineMs) ? { deadline: Date.now() + deadlineMs } : {};
        method.call(client, request, options, (error, response) => {
          if (error === null) resolve(response);
          else reject(new CriError(name, error.code, error.details));
        });
      });
  const rt = call(runtimeClient);
  const im = call(imageClient);
  const none = Number.POSITIVE_INFINITY;

  const runtime: RuntimeService = {
    version: () => rt("version", pb.VersionRequest.create({ version: "0.1.0" })),
    status: (verbose = false) => rt("status", pb.StatusRequest.create({ verbose })),
    updateRuntimeConfig: async (podCidr) => {
      await rt(
        "updateRuntimeConfig",
        pb.UpdateRuntimeConfigRequest.create({ runtimeConfig: { networkConfig: { podCidr } } }),
      );
    },
    runPodSandbox: async (config, runtimeHandler) =>
      (
        await rt<pb.RunPodSandboxRequest, pb.RunPodSandboxResponse>(
          "runPodSandbox",
          { config, runtimeHandler },
          timeoutMs * 2,
        )
      ).podSandboxId,
    stopPodSandbox: async (podSandboxId) => void (await rt("stopPodSandbox", { podSandboxId })),
    removePodSandbox: async (podSandboxId) => void (await rt("removePodSandbox", { podSandboxId })),
    podSandboxStatus: (podSandboxId, verbose = false) => rt("podSandboxStatus", { podSandboxId, verbose }),
    listPodSandbox: async (filter) =>
      (
        await rt<pb.ListPodSandboxRequest, pb.ListPodSandboxResponse>(
          "listPodSandbox",
          pb.ListPodSandboxRequest.create({ filter }),
        )
      ).items,
    createContainer: async (podSandboxId, config, sandboxConfig) =>
      (
        await rt<pb.CreateContainerRequest, pb.CreateContainerResponse>("createContainer", {
          podSandboxId,
          config,
          sandboxConfig,
        })
      ).containerId,
    startContainer: async (containerId) => void (await rt("startContainer", { containerId })),
    stopContainer: async (containerId, timeoutSeconds) =>
      void (await rt(
        "stopContainer",
        { containerId, timeout: BigInt(Math.ceil(timeoutSeconds)) },
        timeoutMs + timeoutSeconds * 1000,
      )),
    removeContainer: async (containerId) => void (await rt("removeContainer", { containerId })),
    listContainers: async (filter) =>
      (
        await rt<pb.ListContainersRequest, pb.ListContainersResponse>(
          "listContainers",
          pb.ListContainersRequest.create({ filter }),
        )
      ).containers,
    containerStatus: (containerId, verbose = false) => rt("containerStatus", { containerId, verbose }),
    updateContainerResources: async (containerId, linux) =>
      void (await rt("updateContainerResources", { containerId, linux, annotations: {} })),
    reopenContainerLog: async (containerId) => void (await rt("reopenContainerLog", { containerId })),
    execSync: (containerId, cmd, timeoutSeconds) =>
      rt(
        "execSync",
        { containerId, cmd: [...cmd], timeout: BigInt(Math.ceil(timeoutSeconds)) },
        timeoutSeconds > 0 ? timeoutMs + timeoutSeconds * 1000 : none,
      ),
    exec: async (request) => (await rt<pb.ExecRequest, pb.ExecResponse>("exec", request)).url,
    attach: async (request) => (await rt<pb.AttachRequest, pb.AttachResponse>("attach", request)).url,
    portForward: async (request) =>
      (await rt<pb.PortForwardRequest, pb.PortForwardResponse>("portForward", request)).url,
    containerStats: async (containerId) =>
      (await rt<pb.ContainerStatsRequest, pb.ContainerStatsResponse>("containerStats", { containerId })).stats,
    listContainerStats: async () =>
      (
        await rt<pb.ListContainerStatsRequest, pb.ListContainerStatsResponse>("listContainerStats", {
          filter: undefined,
        })
      ).stats,
    containerEvents: (signal) => streamEvents(runtimeClient, signal),
  };
  const images: ImageService = {
    listImages: async () =>
      (await im<pb.ListImagesRequest, pb.ListImagesResponse>("listImages", { filter: undefined })).images,
    imageStatus: async (image) =>
      (
        await im<pb.ImageStatusRequest, pb.ImageStatusResponse>(
          "imageStatus",
          pb.ImageStatusRequest.create({ image: { image } }),
        )
      ).image,
    pullImage: async (image, auth, sandboxConfig) =>
      (
        await im<pb.PullImageRequest, pb.PullImageResponse>(
          "pullImage",
          pb.PullImageRequest.create({ image: { image }, auth, sandboxConfig }),
          none,
        )
      ).imageRef,
    removeImage: async (image) => void (await im("removeImage", pb.RemoveImageRequest.create({ image: { image } }))),
    imageFsInfo: () => im("imageFsInfo", {}),
  };
  return {
    runtime,
    images,
    [Symbol.asyncDispose]: () => {
      runtimeClient.close();
      imageClient.close();
      return Promise.resolve();
    },
  };
}

async function* streamEvents(
  client: pb.RuntimeServiceClient,
  signal: AbortSignal,
): AsyncIterable<pb.ContainerEventResponse> {
  const stream = client.getContainerEvents({});
  const cancel = (): void => stream.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for await (const event of stream) yield event as pb.ContainerEventResponse;
  } catch (error) {
    if (signal.aborted) return;
    const failure = error as ServiceError;
    throw new CriError("getContainerEvents", failure.code, failure.details);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
