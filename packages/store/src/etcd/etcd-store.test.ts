import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issue, newCA } from "@knots/machinery/pki/index";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CompactedError, StoreRequestError, type Store } from "../store.ts";
import { openEtcdStore } from "./etcd-store.ts";
import { ETCD_INSTALLED, TestEtcd } from "./test-etcd.testing.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function put(store: Store, key: string, value = "x"): Promise<number> {
  const result = await store.txn({ compare: [], then: [{ op: "put", key, value: bytes(value) }] });
  return result.revision;
}

/** A wire between client and etcd that can be cut: a member as a client sees it. */
class Wire implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Answers are held back. */
  mute = false;
  #port = 0;

  constructor(target: string) {
    const port = Number(new URL(target).port);
    this.#server = createServer((client) => {
      const server = connect(port, "127.0.0.1");
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
        socket.once("close", () => {
          this.#sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
      client.pipe(server);
      server.on("data", (chunk) => {
        if (!this.mute) client.write(chunk);
      });
    });
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as { port: number }).port;
    return this;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Breaks every connection; new ones are still taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes no connection any more, until it is opened again. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close();
  }
}

describe.skipIf(!ETCD_INSTALLED)("etcd over wires that break", () => {
  let etcd: TestEtcd;
  let wires: Wire[];
  let store: Store;
  let direct: Store;

  beforeEach(async () => {
    etcd = await TestEtcd.start();
    wires = await Promise.all([new Wire(etcd.endpoint).open(), new Wire(etcd.endpoint).open()]);
    store = await openEtcdStore({ endpoints: wires.map((wire) => wire.endpoint) });
    direct = await openEtcdStore({ endpoints: [etcd.endpoint] });
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await direct[Symbol.asyncDispose]();
    for (const wire of wires) await wire[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
  });

  /** What a watch is told, as "key@revision"; `until` resolves when it has heard of the key. */
  const follow = (startRevision: number) => {
    const heard: string[] = [];
    const errors: Error[] = [];
    const waiters: (() => void)[] = [];
    const wake = (): void => {
      for (const waiter of waiters) waiter();
    };
    store.watch("/w/", {
      startRevision,
      onEvents: (batch) => {
        for (const { kv } of batch) heard.push(`${kv.key}@${kv.modRevision}`);
        wake();
      },
      onError: (error) => {
        errors.push(error);
        wake();
      },
    });
    const until = (condition: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (condition()) resolve();
        };
        waiters.push(check);
        check();
      });
    return { heard, errors, until };
  };

  test("reads and writes go on with the next member", async () => {
    await put(store, "/w/a");
    await wires[0]?.close();
    expect(await store.get("/w/a")).toBeDefined();
    // A wire that takes no connection never carried the write: it is made once, elsewhere.
    const revision = await put(store, "/w/b");
    expect(await direct.get("/w/b")).toMatchObject({ version: 1, modRevision: revision });
  });

  test("a watch misses nothing and repeats nothing when its connection breaks", async () => {
    const watch = follow((await store.revision()) + 1);
    const expected: string[] = [];
    for (let i = 0; i < 30; i++) {
      expected.push(`/w/${i}@${await put(direct, `/w/${i}`)}`);
      if (i % 10 === 5) for (const wire of wires) wire.cut();
    }
    await watch.until(() => watch.heard.length >= expected.length);
    expect(watch.heard).toEqual(expected);
    expect(watch.errors).toEqual([]);
  });

  test("a watch says when what it missed is compacted", async () => {
    const watch = follow((await store.revision()) + 1);
    await put(direct, "/w/a");
    await watch.until(() => watch.heard.length === 1);
    for (const wire of wires) await wire.close();
    await put(direct, "/w/b");
    await direct.compact(await put(direct, "/w/c"));
    for (const wire of wires) await wire.open();
    await watch.until(() => watch.errors.length > 0);
    expect(watch.errors[0]).toBeInstanceOf(CompactedError);
  });

  test("a write whose answer is lost fails, and says that it may have been made", async () => {
    const before = await direct.revision();
    const heard = new Promise<void>((resolve, reject) => {
      direct.watch("/w/", { startRevision: before + 1, onEvents: () => resolve(), onError: reject });
    });
    for (const wire of wires) wire.mute = true;
    const writing = put(store, "/w/lost");
    const outcome = expect(writing).rejects.toSatisfy(
      (error) => error instanceof StoreRequestError && error.ambiguous && error.message.startsWith("rpc error: code ="),
    );
    await heard;
    for (const wire of wires) wire.cut();
    await outcome;
    // Done once, and not repeated behind the caller's back.
    expect(await direct.get("/w/lost")).toMatchObject({ version: 1 });
  });

  test("a member that comes back is used again", async () => {
    const watch = follow((await store.revision()) + 1);
    await etcd.kill();
    etcd.run();
    // Reads are repeated until somebody answers; a write would not be.
    await store.revision();
    await put(store, "/w/again");
    await watch.until(() => watch.heard.length === 1);
    expect(watch.errors).toEqual([]);
  });
});

describe.skipIf(!ETCD_INSTALLED)("etcd", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "knots-etcd-tls-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test("is spoken to over TLS with a client certificate, and under a prefix", async () => {
    const ca = await newCA("etcd-ca");
    const pair = async (name: string, usages: ("server" | "client")[]) => {
      const issued = await issue({
        ca,
        cn: name,
        organizations: [],
        dnsNames: ["localhost"],
        ipAddresses: ["127.0.0.1"],
        usages,
        days: 1,
      });
      writeFileSync(join(dir, `${name}.crt`), issued.certPem);
      writeFileSync(join(dir, `${name}.key`), issued.keyPem);
      return issued;
    };
    writeFileSync(join(dir, "ca.crt"), ca.certPem);
    await pair("server", ["server", "client"]);
    const client = await pair("client", ["client"]);
    const path = (file: string): string => join(dir, file);
    await using etcd = await TestEtcd.start({ cert: path("server.crt"), key: path("server.key"), ca: path("ca.crt") });
    const tls = { ca: ca.certPem, cert: client.certPem, key: client.keyPem };
    await using plain = await openEtcdStore({ endpoints: [etcd.endpoint], tls });
    await using store = await openEtcdStore({
      endpoints: [etcd.endpoint],
      tls,
      prefix: { own: "/registry/", stored: "/clusters/one/" },
    });
    await put(store, "/registry/pods/a");
    await put(plain, "/registry/pods/foreign");
    expect((await plain.range("/clusters/")).kvs.map(({ key }) => key)).toEqual(["/clusters/one/pods/a"]);
    expect((await store.range("/registry/")).kvs.map(({ key }) => key)).toEqual(["/registry/pods/a"]);
    const heard: string[] = [];
    await new Promise<void>((resolve, reject) => {
      store.watch("/registry/", {
        startRevision: 1,
        onEvents: (batch) => {
          for (const { kv } of batch) heard.push(kv.key);
        },
        onProgress: () => resolve(),
        onError: reject,
      });
    });
    expect(heard).toEqual(["/registry/pods/a"]);
    await expect(
      openEtcdStore({ endpoints: [etcd.endpoint], tls: { ca: ca.certPem }, startTimeoutMs: 300 }),
    ).rejects.toThrow(`no etcd server answers at ${etcd.endpoint}`);
  });

  test("says what is wrong with where it should be", async () => {
    await expect(openEtcdStore({ endpoints: [] })).rejects.toThrow("no etcd server was named");
    await expect(openEtcdStore({ endpoints: ["localhost"] })).rejects.toThrow("lacks a port");
    await expect(openEtcdStore({ endpoints: ["http://127.0.0.1:1"], startTimeoutMs: 100 })).rejects.toThrow(
      "no etcd server answers at http://127.0.0.1:1: rpc error: code = Unavailable",
    );
  });

  test("shares a question about the revision only among those who asked before it was sent", async () => {
    await using etcd = await TestEtcd.start();
    await using store = await openEtcdStore({ endpoints: [etcd.endpoint] });
    await using other = await openEtcdStore({ endpoints: [etcd.endpoint] });
    for (let i = 0; i < 20; i++) {
      const asked = store.revision();
      const written = await put(other, `/a/${i}`);
      const answers = await Promise.all([store.revision(), store.revision(), asked]);
      expect(Math.min(answers[0], answers[1])).toBeGreaterThanOrEqual(written);
    }
  });
});
