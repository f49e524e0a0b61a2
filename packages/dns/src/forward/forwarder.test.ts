import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { decode, encode } from "dns-packet";
import { nullLogger } from "@knots/machinery";
import { afterEach, expect, test } from "vitest";
import { TYPE } from "../wire/numbers.ts";
import { newQuestion } from "../wire/query.ts";
import { Forwarder } from "./forwarder.ts";

let server: Socket | undefined;
afterEach(() => server?.close());

async function upstream(heard: (message: Buffer, from: RemoteInfo, socket: Socket) => void): Promise<Forwarder> {
  const socket = createSocket("udp4");
  server = socket;
  socket.on("message", (message, from) => heard(message, from, socket));
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", () => done()));
  return new Forwarder([{ address: "127.0.0.1", port: socket.address().port }], nullLogger);
}
function answer(message: Buffer, name: string, data: string): Buffer {
  const { id } = decode(message);
  return encode({
    type: "response",
    id,
    questions: [{ name, type: "A" }],
    answers: [{ type: "A", name, ttl: 1, data }],
  });
}
const question = newQuestion(["www", "example", "org"], TYPE.A);

test("an answer to another question is no answer, whatever its number", async () => {
  const forwarder = await upstream((message, from, socket) => {
    socket.send(answer(message, "www.evil.org", "192.0.2.66"), from.port, from.address);
    socket.send(answer(message, "WWW.example.org", "192.0.2.1"), from.port, from.address);
  });
  expect(decode((await forwarder.ask(question)) ?? Buffer.alloc(0)).answers).toMatchObject([{ data: "192.0.2.1" }]);
});

test("a question that is on its way is not asked again, so that servers that lead back to us go round once", async () => {
  let heard = 0;
  const again: Promise<Buffer | undefined>[] = [];
  const forwarder: Forwarder = await upstream((message, from, socket) => {
    heard++;
    // As a server would that asks us: in other letters, and before it answers.
    if (heard === 1) again.push(forwarder.ask(newQuestion(["WWW", "example", "org"], TYPE.A)));
    if (heard === 1) again.push(forwarder.ask(newQuestion(["other", "example", "org"], TYPE.A)));
    else {
      socket.send(answer(message, "other.example.org", "192.0.2.2"), from.port, from.address);
      socket.send(answer(first ?? message, "www.example.org", "192.0.2.1"), port, from.address);
    }
    if (heard === 1) {
      first = message;
      port = from.port;
    }
  });
  let first: Buffer | undefined;
  let port = 0;
  const answered = await forwarder.ask(question);
  const [same, other] = await Promise.all(again);
  expect(heard).toBe(2);
  expect(same).toEqual(answered);
  expect(decode(other ?? Buffer.alloc(0)).answers).toMatchObject([{ data: "192.0.2.2" }]);
});
