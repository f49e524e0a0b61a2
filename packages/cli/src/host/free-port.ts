// A port that nobody on this machine listens on, on whatever address.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { UserError } from "../user-error.ts";

const TRIES = 1_000;

/** The first free port from `first` on. Throws a UserError where a thousand are taken. */
export async function freePort(protocol: "tcp" | "udp", first: number): Promise<number> {
  for (let port = first; port < first + TRIES; port++) if (await isFree(protocol, port)) return port;
  throw new UserError(
    `the ${protocol} ports ${first} to ${first + TRIES - 1} of this machine are all in use; free one.`,
  );
}

async function isFree(protocol: "tcp" | "udp", port: number): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      error.code === "EADDRINUSE" ? resolve(false) : reject(error);
    if (protocol === "tcp") {
      const server = createServer();
      server.once("error", failed);
      server.listen({ port, host: "0.0.0.0", exclusive: true }, () => server.close(() => resolve(true)));
    } else {
      const socket = createSocket("udp4");
      socket.once("error", failed);
      socket.bind({ port, address: "0.0.0.0", exclusive: true }, () => socket.close(() => resolve(true)));
    }
  });
}
