// What @kubernetes/client-node does with containers that run: logs, exec, attach, port-forward, copies, and watches
// that outlive the API server's process.
import { readFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import {
  type V1ConfigMap,
  type V1Status,
  ApiException,
  Attach,
  CoreV1Api,
  Exec,
  KubeConfig,
  Log,
  makeInformer,
  PortForward,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunNodes, eventually, TestCluster } from "./cluster.ts";

const POD = "subject";

describe.skipIf(!canRunNodes)("@kubernetes/client-node and containers", () => {
  const cluster = new TestCluster("client-node");
  let config: KubeConfig;
  let core: CoreV1Api;

  const script =
    "echo one; echo two; mkdir -p /www; echo served > /www/index.html; httpd -p 8080 -h /www; while read line; do echo got $line; done; sleep 600";
  beforeAll(async () => {
    await cluster.knots("up");
    config = new KubeConfig();
    config.loadFromString(readFileSync(join(cluster.home, "kubeconfig"), "utf8"));
    core = config.makeApiClient(CoreV1Api);
    const container = { name: "main", image: "busybox:1.35", command: ["sh", "-c", script], stdin: true };
    await core.createNamespacedPod({
      namespace: "default",
      body: { metadata: { name: POD }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } },
    });
    await cluster.kubectl("wait", "--for=condition=Ready", `pod/${POD}`, "--timeout=60s");
  }, 600_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  }, 120_000);

  /** Collects what is written, for as long as it is open. */
  function collector(): { stream: PassThrough; seen: () => string } {
    const stream = new PassThrough();
    let seen = "";
    stream.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    return { stream, seen: () => seen };
  }

  test("reads logs, cut, stamped and followed", async () => {
    const read = async (options: object): Promise<string> => {
      const stream = new PassThrough();
      await new Log(config).log("default", POD, "main", stream, options);
      return await text(stream);
    };
    await eventually("the lines are written", async () => (await read({})) === "one\ntwo\n");
    expect(await read({ tailLines: 1 })).toBe("two\n");
    expect(await read({ limitBytes: 2 })).toBe("on");
    expect(await read({ tailLines: 1, timestamps: true })).toMatch(/^\d{4}-\d\d-\d\dT\S+ two\n$/);
    const speaking = "i=0; while [ $i -lt 5 ]; do echo line $i; i=$((i+1)); sleep 0.3; done";
    await cluster.kubectl(..."run speaker --image=busybox:1.35 --restart=Never -- sh -c".split(" "), speaking);
    const stream = new PassThrough();
    const follow = async (): Promise<true> => {
      await new Log(config).log("default", "speaker", "speaker", stream, { follow: true });
      return true;
    };
    await eventually("the container has begun", follow);
    // Ends with the container.
    expect(await text(stream)).toBe("line 0\nline 1\nline 2\nline 3\nline 4\n");
    const missing: unknown = await new Log(config)
      .log("default", POD, "other", new PassThrough())
      .catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(ApiException);
    expect((missing as ApiException<unknown>).code).toBe(400);
  });

  test("runs commands, with what goes in, what comes out and how they end", async () => {
    const run = async (command: string[], input?: string): Promise<[V1Status, string, string]> => {
      const [out, err] = [collector(), collector()];
      const stdin = input === undefined ? null : new PassThrough();
      const status = await new Promise<V1Status>((resolve, reject) => {
        new Exec(config)
          .exec("default", POD, "main", command, out.stream, err.stream, stdin, false, resolve)
          .catch(reject);
        stdin?.write(input);
      });
      return [status, out.seen(), err.seen()];
    };
    const [done, out, err] = await run(["sh", "-c", "echo out; echo err >&2"]);
    expect([done.status, out, err]).toEqual(["Success", "out\n", "err\n"]);
    const [failed] = await run(["sh", "-c", "exit 3"]);
    expect(failed).toMatchObject({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    });
    const [read, echoed] = await run(["sh", "-c", "read line; echo heard $line"], "hello\n");
    expect([read.status, echoed]).toEqual(["Success", "heard hello\n"]);
  });

  test("attaches to what runs already", async () => {
    const { stream, seen } = collector();
    const stdin = new PassThrough();
    const socket = await new Attach(config).attach("default", POD, "main", stream, null, stdin, false);
    stdin.write("hello\n");
    await eventually("it answers", () => Promise.resolve(seen() === "got hello\n"));
    socket.close();
  });

  test("forwards a port", async () => {
    const forward = new PortForward(config);
    const server: Server = createServer((socket) => {
      forward.portForward("default", POD, [8080], socket, null, socket).catch((error: Error) => socket.destroy(error));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const client = createConnection((server.address() as AddressInfo).port, "127.0.0.1");
      client.write("GET / HTTP/1.0\r\n\r\n");
      const { stream, seen } = collector();
      client.pipe(stream);
      await eventually("the page comes through", () => Promise.resolve(seen().endsWith("served\n")));
      expect(seen()).toMatch(/^HTTP\/1\.\d 200 OK\r\n/);
      client.destroy();
    } finally {
      server.close();
    }
  });

  test("an informer that starts again after the API server was killed misses nothing", async () => {
    const create = async (name: string): Promise<void> => {
      await core.createNamespacedConfigMap({ namespace: "default", body: { metadata: { name } } });
    };
    const informer = makeInformer<V1ConfigMap>(config, "/api/v1/namespaces/default/configmaps", () =>
      core.listNamespacedConfigMap({ namespace: "default" }),
    );
    const seen = new Set<string>();
    for (const verb of ["add", "delete"] as const)
      informer.on(verb, ({ metadata }) => void seen.add(`${verb} ${metadata?.name}`));
    // What the library asks of its users when the connection breaks.
    let errors = 0;
    informer.on("error", () => {
      errors++;
      setTimeout(() => void informer.start(), 200);
    });
    await informer.start();
    try {
      await create("before");
      await eventually("it is seen", () => Promise.resolve(seen.has("add before")));
      const { processes } = JSON.parse(await cluster.knots("status", "--output", "json")) as {
        processes: { name: string; pid: number }[];
      };
      const { pid } = processes.find(({ name }) => name === "apiserver") ?? {};
      expect(pid).toBeTypeOf("number");
      process.kill(pid ?? 0, "SIGKILL");
      await eventually("the server is back", async () => {
        await create("after");
        return true;
      });
      await core.deleteNamespacedConfigMap({ namespace: "default", name: "before" });
      await eventually("the informer has caught up", () =>
        Promise.resolve(seen.has("add after") && seen.has("delete before")),
      );
      expect(errors).toBeGreaterThan(0);
    } finally {
      await informer.stop();
    }
  });
});
