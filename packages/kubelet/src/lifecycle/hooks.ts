/** postStart and preStop: exec in the container, an HTTP request to it, or a pause. */
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import type { Container, HTTPGetAction, LifecycleHandler, Pod } from "@knots/api/core/v1";
import type { Clock } from "@knots/machinery";
import type { RuntimeService } from "../cri/types.ts";
import type { HookRunner } from "./types.ts";

export class Hooks implements HookRunner {
  readonly #runtime: RuntimeService;
  readonly #clock: Clock;

  constructor(runtime: RuntimeService, clock: Clock) {
    this.#runtime = runtime;
    this.#clock = clock;
  }

  async run(
    pod: Pod,
    container: Container,
    containerID: string,
    podIP: string,
    handler: LifecycleHandler,
    signal: AbortSignal,
  ): Promise<void> {
    if (handler.exec !== undefined) {
      const command = handler.exec.command ?? [];
      const result = await this.#runtime.execSync(containerID, command, 0);
      if (result.exitCode !== 0) {
        const output = Buffer.concat([result.stdout, result.stderr]).toString("utf8");
        throw new Error(
          `Exec lifecycle hook ([${command.join(" ")}]) for Container "${container.name}" in Pod "${pod.metadata?.name ?? ""}_${pod.metadata?.namespace ?? ""}" failed - error: command '${command.join(" ")}' exited with ${result.exitCode}: ${output}, message: ${JSON.stringify(output)}`,
        );
      }
      return;
    }
    if (handler.httpGet !== undefined) {
      await request(handler.httpGet, container, podIP, signal);
      return;
    }
    if (handler.sleep !== undefined) {
      await this.#clock.sleep(handler.sleep.seconds * 1000, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      return;
    }
    throw new Error("invalid handler: neither exec, httpGet nor sleep");
  }
}

async function request(action: HTTPGetAction, container: Container, podIP: string, signal: AbortSignal): Promise<void> {
  const port = typeof action.port === "number" ? action.port : namedPort(container, action.port);
  const host = action.host === undefined || action.host === "" ? podIP : action.host;
  const secure = (action.scheme ?? "HTTP").toUpperCase() === "HTTPS";
  const path = action.path === undefined || action.path === "" ? "/" : action.path;
  const options = {
    host,
    port,
    path: path.startsWith("/") ? path : `/${path}`,
    headers: Object.fromEntries((action.httpHeaders ?? []).map((header) => [header.name, header.value])),
    signal,
    agent: false as const,
  };
  await new Promise<void>((resolve, reject) => {
    // The certificate is the container's own business, as with probes.
    const sent = secure ? httpsGet({ ...options, rejectUnauthorized: false }) : httpGet(options);
    sent.on("response", (response) => {
      response.resume();
      const code = response.statusCode ?? 0;
      response.on("end", () =>
        code >= 200 && code < 400 ? resolve() : reject(new Error(`http lifecycle hook answered ${code}`)),
      );
      response.on("error", reject);
    });
    sent.on("error", reject);
  });
}

function namedPort(container: Container, name: string): number {
  const number = Number(name);
  if (Number.isInteger(number) && number > 0) return number;
  const port = (container.ports ?? []).find((candidate) => candidate.name === name);
  if (port === undefined) throw new Error(`couldn't find port: ${name} in container ${container.name}`);
  return port.containerPort;
}
