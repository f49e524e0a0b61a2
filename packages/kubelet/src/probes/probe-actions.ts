/** Running one probe once. */
import { connect } from "node:net";
import { credentials, makeGenericClientConstructor, Metadata } from "@grpc/grpc-js";
import type { Container, GRPCAction, Probe, TCPSocketAction } from "@knots/api/core/v1";
import type { RuntimeService } from "../cri/types.ts";
import { dialError, httpProbe, resolvePort, TimeoutError } from "./http-probe.ts";
import type { ProbeOutcome } from "./types.ts";

const MAX_OUTPUT = 10 * 1024;
const SERVING = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** Runs `probe` against a container once. Throws when it could not be run at all: such a run counts for nothing. */
export async function runProbe(
  runtime: Pick<RuntimeService, "execSync">,
  probe: Probe,
  container: Container,
  target: { readonly containerID: string; readonly podIP: string },
): Promise<ProbeOutcome> {
  const seconds = probe.timeoutSeconds ?? 1;
  if (probe.exec !== undefined) return await execProbe(runtime, probe.exec.command ?? [], target.containerID, seconds);
  if (probe.httpGet !== undefined) return await httpProbe(probe.httpGet, container, target.podIP, seconds * 1000);
  if (probe.tcpSocket !== undefined) return await tcpProbe(probe.tcpSocket, container, target.podIP, seconds * 1000);
  if (probe.grpc !== undefined) return await grpcProbe(probe.grpc, target.podIP, seconds);
  throw new Error(`missing probe handler for ${container.name}`);
}

async function execProbe(
  runtime: Pick<RuntimeService, "execSync">,
  command: readonly string[],
  containerID: string,
  seconds: number,
): Promise<ProbeOutcome> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerID, command, seconds);
    const output = Buffer.concat([stdout, stderr]).subarray(0, MAX_OUTPUT).toString("utf8");
    return { result: exitCode === 0 ? "success" : "failure", output };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // A command that takes too long failed; a runtime that does not answer says nothing of the container.
    if (/timed out|DEADLINE_EXCEEDED|deadline exceeded/i.test(text))
      return { result: "failure", output: `command timed out: "${command.join(" ")}" timed out after ${seconds}s` };
    throw error;
  }
}

async function tcpProbe(
  action: TCPSocketAction,
  container: Container,
  podIP: string,
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const host = action.host === undefined || action.host === "" ? podIP : action.host;
  const port = resolvePort(action.port, container);
  try {
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host, port });
      const timer = setTimeout(() => socket.destroy(new TimeoutError()), timeoutMs);
      socket.once("connect", () => {
        clearTimeout(timer);
        socket.destroy();
        resolve();
      });
      socket.once("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
    });
    return { result: "success", output: "" };
  } catch (error) {
    const output =
      error instanceof TimeoutError ? `dial tcp ${host}:${port}: i/o timeout` : dialError(error, host, port);
    return { result: "failure", output };
  }
}

/** grpc.health.v1.Health/Check; its two messages are one field each and are written here by hand. */
async function grpcProbe(action: GRPCAction, podIP: string, seconds: number): Promise<ProbeOutcome> {
  const service = Buffer.from(action.service ?? "");
  const Health = makeGenericClientConstructor(
    {
      check: {
        path: "/grpc.health.v1.Health/Check",
        requestStream: false,
        responseStream: false,
        requestSerialize: (name: Buffer) =>
          name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]),
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    },
    "Health",
  );
  const address = `${podIP.includes(":") ? `[${podIP}]` : podIP}:${action.port}`;
  const client = new Health(address, credentials.createInsecure());
  try {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const check = client["check"] as (
        request: Buffer,
        metadata: Metadata,
        options: { deadline: number },
        done: (error: Error | null, answer?: Buffer) => void,
      ) => void;
      check.call(client, service, new Metadata(), { deadline: Date.now() + seconds * 1000 }, (error, bytes) =>
        error === null ? resolve(bytes ?? Buffer.alloc(0)) : reject(error),
      );
    });
    const status = SERVING[answer[0] === 0x08 ? (answer[1] ?? 0) : 0] ?? "UNKNOWN";
    return status === "SERVING"
      ? { result: "success", output: "service healthy" }
      : { result: "failure", output: `service unhealthy (responded with "${status}")` };
  } catch (error) {
    const { code, details } = error as { code?: number; details?: string };
    if (code === 12) {
      const words = `this server does not implement the grpc health protocol (grpc.health.v1.Health): ${details ?? ""}`;
      return { result: "failure", output: `error: ${words}` };
    }
    const within = `timeout: failed to connect service "${address}" within ${seconds}s: context deadline exceeded`;
    return {
      result: "failure",
      output: code === 4 || code === 14 ? within : `error: health rpc probe failed: ${details ?? String(error)}`,
    };
  } finally {
    client.close();
  }
}
