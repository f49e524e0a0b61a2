// Headers that tell which server answers, as Go's server and upstream's filters set them.
import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Harness } from "./harness.ts";

let api: Harness;
beforeAll(async () => {
  api = await Harness.start();
});
afterAll(async () => api[Symbol.asyncDispose]());

/** Over HTTP/1.1. */
function ask(agent: Agent, path: string, { anonymous = false, method = "GET" } = {}): Promise<IncomingMessage> {
  const { server, caData, clientCertData, clientKeyData } = api.server.loopbackConfig;
  const identity = anonymous ? {} : { cert: clientCertData, key: clientKeyData };
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, server), { agent, method, ca: caData, ...identity });
    outgoing.once("error", reject);
    outgoing.once("response", (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer));
    });
    outgoing.end();
  });
}

it("a connection is kept without saying so", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const first = await ask(agent, "/api/v1/namespaces/default");
  expect(first.headers).not.toHaveProperty("connection");
  expect(first.headers).not.toHaveProperty("keep-alive");
  const { socket } = first;
  // Given back to the agent after the answer's end.
  await new Promise((resolve) => setImmediate(resolve));
  const second = await ask(agent, "/nothing");
  expect([first.statusCode, second.statusCode]).toEqual([200, 404]);
  expect(second.socket).toBe(socket);
  agent.destroy();
});

it("what authorization refuses is not to be sniffed, what is forbidden later may be", async () => {
  const agent = new Agent();
  const refused = await ask(agent, "/api/v1/namespaces/default", { anonymous: true });
  expect([refused.statusCode, refused.headers["x-content-type-options"]]).toEqual([403, "nosniff"]);
  const forbidden = await ask(agent, "/api/v1/namespaces/default", { method: "DELETE" });
  expect([forbidden.statusCode, forbidden.headers["x-content-type-options"]]).toEqual([403, undefined]);
  agent.destroy();
});
