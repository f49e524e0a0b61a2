import { RealClock } from "@knots/machinery";
import { expect, test } from "vitest";
import { RemoteServer } from "../../../test/remote-server.ts";
import { OutboundClient } from "../../outbound/index.ts";
import { controlPlaneComponents } from "./component-statuses.ts";

test("components are asked, and told of in upstream's words", async () => {
  let asked = 0;
  await using server = await RemoteServer.start("scheduler", {
    "/healthz": (_request, response) => void response.writeHead(asked++ === 0 ? 200 : 500).end("ok"),
  });
  const client = new OutboundClient(new RealClock());
  const send = client.send.bind(client);
  // The fixed ports may be taken on the machine that tests.
  client.send = (remote, request) =>
    send({ ...remote, address: () => ({ host: "127.0.0.1", port: server.port }) }, request);
  let failure: string | undefined;
  const [, scheduler, etcd] = controlPlaneComponents(client, () => failure);
  expect(await scheduler?.check()).toEqual({ healthy: true, message: "ok" });
  expect(await scheduler?.check()).toEqual({ healthy: false, message: "HTTP probe failed with statuscode: 500" });
  expect(await etcd?.check()).toEqual({ healthy: true, message: "ok" });
  failure = "the disk is full";
  expect(await etcd?.check()).toEqual({ healthy: false, message: "the disk is full" });
  client[Symbol.dispose]();
});

test("a component that does not answer is unhealthy", async () => {
  const client = new OutboundClient(new RealClock());
  client.send = () => Promise.reject(new Error('Get "https://127.0.0.1:10257/healthz": dial tcp: connection refused'));
  const [manager] = controlPlaneComponents(client, () => undefined);
  expect(await manager?.check()).toEqual({
    healthy: false,
    message: 'Get "https://127.0.0.1:10257/healthz": dial tcp: connection refused',
  });
  client[Symbol.dispose]();
});
