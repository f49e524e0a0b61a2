// The reference: a node:https server that answers everything with the same bytes. node bare-server.ts DIR SIZE; prints its port.
// POST bodies are read to their end. GET /watch: an endless chunked answer; SIGUSR2 starts writing to all of them.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const [dir = "", size = "0"] = process.argv.slice(2);
const body = Buffer.alloc(Number(size), "x");
const watchers = new Set<ServerResponse>();

const server = createServer(
  { cert: readFileSync(join(dir, "cert.pem")), key: readFileSync(join(dir, "key.pem")) },
  (request, response) => {
    if (request.url === "/watch") {
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      watchers.add(response);
      response.once("close", () => watchers.delete(response));
      return;
    }
    const answer = (): void => {
      response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
      response.end(body);
    };
    if (request.method === "GET") answer();
    else request.resume().once("end", answer);
  },
);

process.once("SIGUSR2", () => {
  const round = (): void => {
    const frame = Buffer.from(body);
    frame.write(`{"sent":"${(performance.timeOrigin + performance.now()).toFixed(3)}"}\n`);
    for (const response of watchers) if (!response.writableNeedDrain) response.write(frame);
    if (watchers.size > 0) setImmediate(round);
  };
  round();
});

server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
