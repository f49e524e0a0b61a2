/** Hints from containerd that a container started or ended. They say when to look, never what is the case. */
import { credentials } from "@grpc/grpc-js";
import type { Clock, Logger } from "@knots/machinery";
import { EventsClient } from "../generated/containerd-events.ts";

/** CRI containers live in this namespace of containerd. */
const FILTER = 'namespace==k8s.io,topic~="^/tasks/(exit|start|oom)$"';
const RETRY_MS = 5_000;

export interface ContainerdEventsOptions {
  readonly endpoint: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onEvent: (topic: string) => void;
}

/** Subscribes until disposed, and again after each break. A runtime that is not containerd never says anything here. */
export function containerdEvents(options: ContainerdEventsOptions): Disposable & { readonly connected: boolean } {
  const { endpoint, clock, logger, onEvent } = options;
  const address = endpoint.startsWith("/") ? `unix://${endpoint}` : endpoint;
  const client = new EventsClient(address, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
  let stopped = false;
  let connected = false;
  let cancel = (): void => undefined;

  const subscribe = (): void => {
    if (stopped) return;
    const stream = client.subscribe({ filters: [FILTER] });
    cancel = () => stream.cancel();
    stream.on("metadata", () => {
      connected = true;
    });
    stream.on("data", (envelope: { topic: string }) => onEvent(envelope.topic));
    stream.on("error", (error) => {
      if (!stopped) logger.debug({ error }, "containerd's event stream ended");
    });
    stream.on("close", () => {
      connected = false;
      if (!stopped) timer = clock.setTimeout(subscribe, RETRY_MS);
    });
  };
  let timer = clock.setTimeout(subscribe, 0);
  return {
    get connected() {
      return connected;
    },
    [Symbol.dispose]() {
      stopped = true;
      timer.cancel();
      cancel();
      client.close();
    },
  };
}
