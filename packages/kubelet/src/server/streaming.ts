/** exec, attach and portForward: the runtime serves the streams; the kubelet finds out where, and passes the bytes on. */
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { findPod } from "./container-logs.ts";
import { HttpError } from "./http-error.ts";
import type { KubeletView } from "./types.ts";

/** The runtime's URL for a request of the form /exec|attach/NS/POD[/UID]/CONTAINER or /portForward/NS/POD[/UID]. */
export async function streamingURL(view: KubeletView, url: URL): Promise<URL> {
  const [kind = "", namespace = "", name = "", ...rest] = url.pathname.split("/").slice(1).map(decodeURIComponent);
  const pod = findPod(view, namespace, name);
  const status = view.runtimeStatus(pod.metadata?.uid ?? "");
  const query = url.searchParams;
  const on = (key: string): boolean => ["1", "true"].includes(query.get(key) ?? "");
  if (kind === "portForward") {
    const sandbox = status?.sandboxes.find((each) => each.ready);
    if (sandbox === undefined) throw new HttpError(500, `sandbox of pod ${JSON.stringify(name)} is not ready`);
    const port = query
      .getAll("port")
      .flatMap((each) => each.split(","))
      .map(Number);
    return new URL(await view.cri.runtime.portForward({ podSandboxId: sandbox.id, port }));
  }
  const container = rest.at(-1) ?? "";
  const found = status?.containers.find((each) => each.name === container && each.state === "running");
  if (found === undefined) throw new HttpError(500, `container not found (${JSON.stringify(container)})`);
  const tty = on("tty");
  const streams = { tty, stdin: on("input"), stdout: on("output"), stderr: on("error") && !tty };
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw new HttpError(400, "you must specify at least 1 of stdin, stdout, stderr");
  const address =
    kind === "attach"
      ? await view.cri.runtime.attach({ containerId: found.id, ...streams })
      : await view.cri.runtime.exec({ containerId: found.id, cmd: query.getAll("command"), ...streams });
  return new URL(address);
}

/** Connects the caller's upgraded connection with the runtime's: the same request, then bytes both ways. */
export function passUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, target: URL): void {
  const upstream = connect({ host: target.hostname, port: Number(target.port) });
  const end = (): void => {
    upstream.destroy();
    socket.destroy();
  };
  upstream.on("error", end);
  socket.on("error", end);
  upstream.once("connect", () => {
    const lines = [`${request.method} ${target.pathname}${target.search} HTTP/1.1`, `Host: ${target.host}`];
    // Repeated header lines stay apart: the runtime reads them as a list.
    for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i] ?? "";
      if (!["host", "authorization"].includes(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[i + 1]}`);
    }
    upstream.write(`${lines.join("\r\n")}\r\n\r\n`);
    if (head.length > 0) upstream.write(head);
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
  upstream.once("close", () => socket.end());
  socket.once("close", () => upstream.end());
}
