// Talking to a cluster's supervisor over its socket.
import { connect } from "node:net";
import type { SupervisorReply } from "./supervisor.ts";

/** Sends one command; undefined when no supervisor listens. */
export async function askSupervisor(
  socketPath: string,
  command: "status" | "reload",
): Promise<SupervisorReply | undefined> {
  return await new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let text = "";
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(`${command}\n`));
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" || error.code === "ECONNREFUSED" ? resolve(undefined) : reject(error),
    );
    socket.on("end", () => {
      if (text === "") resolve(undefined);
      else resolve(JSON.parse(text) as SupervisorReply);
    });
  });
}
