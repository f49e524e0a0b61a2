import { createSocket } from "node:dgram";
import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "./free-port.ts";

test("passes over a TCP port that is in use on any address", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  expect(await freePort("tcp", port)).toBeGreaterThan(port);
  await new Promise((resolve) => server.close(resolve));
});

test("passes over a UDP port that is in use on any address", async () => {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  expect(await freePort("udp", port)).toBeGreaterThan(port);
  await new Promise<void>((resolve) => socket.close(() => resolve()));
});
