import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decode, encode, streamDecode, streamEncode, type Answer, type Packet } from "dns-packet";
import type { Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { nullLogger } from "@knots/machinery";
import { Forwarder } from "./forward/forwarder.ts";
import { Listeners } from "./listeners.ts";
import { Resolver } from "./resolver.ts";
import { parseUpstream } from "./server.ts";
import { listSource } from "./zone/source.ts";

const service = (name: string, spec: Service["spec"]): Service => ({ metadata: { name, namespace: "ns" }, spec });
const slice = (name: string, endpoints: EndpointSlice["endpoints"]): EndpointSlice => ({
  metadata: { name, namespace: "ns", labels: { "kubernetes.io/service-name": name } },
  addressType: "IPv4",
  endpoints,
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
});
const many = Array.from({ length: 60 }, (_, i) => ({ addresses: [`10.244.1.${i}`] }));
const source = listSource({
  namespaces: ["ns"],
  services: [
    service("web", { clusterIP: "10.96.0.9", ports: [{ name: "http", port: 80, protocol: "TCP" }] }),
    service("headless", { clusterIP: "None", ports: [{ name: "http", port: 80 }] }),
    service("many", { clusterIP: "None" }),
    service("outside", { type: "ExternalName", externalName: "example.org" }),
    service("alias", { type: "ExternalName", externalName: "web.ns.svc.cluster.local" }),
  ],
  slices: [
    slice("headless", [
      { addresses: ["10.244.0.1"], hostname: "one" },
      { addresses: ["10.244.0.2"], conditions: { ready: false } },
      { addresses: ["10.244.0.3"] },
    ]),
    slice("many", many),
  ],
});

describe("the cluster's DNS", () => {
  const upstream = createSocket("udp4");
  const asked: string[] = [];
  let ready = true;
  let listeners: Listeners;
  let port = 0;
  beforeAll(async () => {
    upstream.on("message", (message, from) => {
      const { id, questions } = decode(message);
      const name = questions?.[0]?.name ?? "";
      asked.push(name);
      const answers: Answer[] = name === "example.org" ? [{ type: "A", name, ttl: 60, data: "192.0.2.7" }] : [];
      const rcode = answers.length === 0 ? 3 : 0;
      upstream.send(encode({ type: "response", id, flags: rcode, questions, answers }), from.port, from.address);
    });
    await new Promise<void>((done) => upstream.bind(0, "127.0.0.1", () => done()));
    const forwarder = new Forwarder([parseUpstream(`127.0.0.1:${upstream.address().port}`)], nullLogger);
    const zone = { source, domain: "cluster.local", serial: () => 1, nameServers: () => [] };
    const resolver = new Resolver({ zone, forwarder, ready: () => ready });
    listeners = new Listeners((message, size) => resolver.answer(message, size), nullLogger);
    port = await listeners.listen("127.0.0.1", 0);
  });
  afterAll(async () => {
    await listeners[Symbol.asyncDispose]();
    upstream.close();
  });

  async function raw(message: Buffer): Promise<Buffer> {
    const socket = createSocket("udp4");
    try {
      return await new Promise((resolve, reject) => {
        socket.once("message", resolve);
        socket.once("error", reject);
        socket.send(message, port, "127.0.0.1");
      });
    } finally {
      socket.close();
    }
  }
  const question = (name: string, type: "A" | "AAAA" | "SRV" | "PTR" | "CNAME"): Packet => ({
    type: "query",
    id: 7,
    flags: 0x100,
    questions: [{ name, type }],
  });
  async function ask(
    name: string,
    type: Parameters<typeof question>[1] = "A",
  ): Promise<{ rcode: number; data: unknown[] }> {
    const bytes = await raw(encode(question(name, type)));
    const data = (decode(bytes).answers ?? []).map((each) => (each as { data: unknown }).data);
    return { rcode: (bytes[3] ?? 0) & 0xf, data };
  }

  test("Services by their names", async () => {
    expect(await ask("web.ns.svc.cluster.local")).toEqual({ rcode: 0, data: ["10.96.0.9"] });
    expect(await ask("WEB.NS.svc.Cluster.Local")).toEqual({ rcode: 0, data: ["10.96.0.9"] });
    expect(await ask("web.ns.svc.cluster.local", "AAAA")).toEqual({ rcode: 0, data: [] });
    expect((await ask("nobody.ns.svc.cluster.local")).rcode).toBe(3);
    const srv = await ask("_http._tcp.web.ns.svc.cluster.local", "SRV");
    expect(srv.data).toMatchObject([{ port: 80, target: "web.ns.svc.cluster.local" }]);
    expect((await ask("9.0.96.10.in-addr.arpa", "PTR")).data).toEqual(["web.ns.svc.cluster.local"]);
  });
  test("headless Services by their ready pods", async () => {
    expect((await ask("headless.ns.svc.cluster.local")).data.map(String).toSorted()).toEqual([
      "10.244.0.1",
      "10.244.0.3",
    ]);
    expect((await ask("one.headless.ns.svc.cluster.local")).data).toEqual(["10.244.0.1"]);
  });
  test("pods by their address", async () => {
    expect((await ask("10-244-0-9.ns.pod.cluster.local")).data).toEqual(["10.244.0.9"]);
  });
  test("an ExternalName is an alias, and what it leads to", async () => {
    expect((await ask("outside.ns.svc.cluster.local")).data).toEqual(["example.org", "192.0.2.7"]);
    expect((await ask("alias.ns.svc.cluster.local")).data).toEqual(["web.ns.svc.cluster.local", "10.96.0.9"]);
    expect((await ask("outside.ns.svc.cluster.local", "CNAME")).data).toEqual(["example.org"]);
  });
  test("other names are upstream's to answer", async () => {
    expect(await ask("example.org")).toEqual({ rcode: 0, data: ["192.0.2.7"] });
    expect((await ask("nowhere.example")).rcode).toBe(3);
    expect(asked).toContain("nowhere.example");
  });
  test("an answer too long for a datagram is cut and whole over TCP, where questions follow each other", async () => {
    const short = await raw(encode(question("many.ns.svc.cluster.local", "A")));
    expect(short.length).toBeLessThanOrEqual(512);
    expect((short[2] ?? 0) & 2).toBe(2);
    const socket = connect(port, "127.0.0.1");
    const both = [question("many.ns.svc.cluster.local", "A"), question("web.ns.svc.cluster.local", "A")];
    socket.write(Buffer.concat(both.map((each) => streamEncode(each))));
    let bytes = Buffer.alloc(0);
    const counts: number[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
        const end = 2 + bytes.readUInt16BE(0);
        counts.push(streamDecode(bytes.subarray(0, end)).answers?.length ?? 0);
        bytes = bytes.subarray(end);
      }
      if (counts.length === 2) break;
    }
    expect(counts.toSorted((a, b) => a - b)).toEqual([1, 60]);
  });
  test("garbage is answered with FORMERR or not at all, and the server goes on", async () => {
    const broken = Buffer.from(encode(question("web.ns.svc.cluster.local", "A")));
    broken[12] = 0xff;
    expect(((await raw(broken))[3] ?? 0) & 0xf).toBe(1);
    const socket = createSocket("udp4");
    socket.send(Buffer.from([1, 2, 3]), port, "127.0.0.1");
    expect((await ask("web.ns.svc.cluster.local")).rcode).toBe(0);
    socket.close();
  });
  test("before the Services are read nobody is told that a name does not exist", async () => {
    ready = false;
    expect((await ask("nobody.ns.svc.cluster.local")).rcode).toBe(2);
    ready = true;
  });
});
