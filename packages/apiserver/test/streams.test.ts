import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { newCA } from "@knots/machinery/pki/index";
import type { SpdyStream } from "../src/streams/spdy/connection.ts";
import { FakeKubelet } from "./fake-kubelet.ts";
import type { Session } from "./fake-kubelet.ts";
import { Harness } from "./harness.ts";

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

let api: Harness;
let kubelet: FakeKubelet;
let dir: string;

async function ended(stream: SpdyStream | undefined, last = ""): Promise<void> {
  if (stream === undefined) return;
  await new Promise<void>((resolve) => stream.end(last, () => resolve()));
}

/** Says what came in on stdin and how it was called; ends as the command's first word says. */
const echo: Session = async (streams, url) => {
  const command = url.searchParams.getAll("command");
  const stdout = streams.get("stdout");
  const stderr = streams.get("stderr");
  stdout?.write(`ran ${command.join(" ")}\n`);
  stderr?.write("to stderr\n");
  const stdin = streams.get("stdin");
  if (stdin !== undefined) for await (const chunk of stdin) stdout?.write(chunk);
  const failed = command[0] === "false";
  const status = failed
    ? {
        metadata: {},
        status: "Failure",
        message: "command terminated with non-zero exit code: exit status 3",
        reason: "NonZeroExitCode",
        details: { causes: [{ reason: "ExitCode", message: "3" }] },
      }
    : { metadata: {}, status: "Success" };
  for (const name of ["stdout", "stderr"]) await ended(streams.get(name));
  await ended(streams.get("error"), JSON.stringify(status));
};

async function kubectl(
  args: readonly string[],
  options: { stdin?: string | Buffer; env?: Record<string, string> } = {},
): Promise<Outcome> {
  const child = spawn("kubectl", ["--kubeconfig", join(dir, "kubeconfig"), ...args], {
    env: { ...process.env, HOME: dir, ...options.env },
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin ?? "");
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "knots-streams-"));
  const ca = await newCA("kubelet-ca");
  kubelet = await FakeKubelet.start(ca);
  api = await Harness.start({ kubeletCA: ca });
  const config = api.server.loopbackConfig;
  const data = (pem: string | undefined): string => Buffer.from(pem ?? "").toString("base64");
  await writeFile(
    join(dir, "kubeconfig"),
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "x",
      contexts: [{ name: "x", context: { cluster: "x", user: "x" } }],
      clusters: [{ name: "x", cluster: { server: config.server, "certificate-authority-data": data(config.caData) } }],
      users: [
        {
          name: "x",
          user: {
            "client-certificate-data": data(config.clientCertData),
            "client-key-data": data(config.clientKeyData),
          },
        },
      ],
    }),
  );
  await api.post("/api/v1/nodes", { metadata: { name: "node-1" } });
  await api.patch("/api/v1/nodes/node-1/status", {
    status: {
      addresses: [
        { type: "Hostname", address: "node-1" },
        { type: "InternalIP", address: "127.0.0.1" },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
    },
  });
  for (const [name, node] of [
    ["web", "node-1"],
    ["waiting", ""],
    ["lost", "node-2"],
  ] as const) {
    const spec = {
      containers: [
        { name: "app", image: "i" },
        { name: "side", image: "i" },
      ],
    };
    const metadata = { name, annotations: { "kubectl.kubernetes.io/default-container": "side" } };
    await api.post("/api/v1/namespaces/default/pods", {
      metadata,
      spec: node === "" ? spec : { ...spec, nodeName: node },
    });
    await api.patch(`/api/v1/namespaces/default/pods/${name}/status`, { status: { phase: "Running" } });
  }
});

afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await kubelet.stop();
  await rm(dir, { recursive: true });
});

beforeEach(() => {
  kubelet.requests.length = 0;
  kubelet.refuse = undefined;
  kubelet.session = echo;
});

const WAYS = [
  ["WebSocket", {}],
  ["SPDY", { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" }],
] as const;

describe.each(WAYS)("kubectl over %s", (_way, env) => {
  it("runs a command of many kilobytes", async () => {
    const word = "a".repeat(60_000);
    const { code, out } = await kubectl(["exec", "web", "-c", "app", "--", "echo", word], { env });
    expect(code).toBe(0);
    expect(out === `ran echo ${word}\n`).toBe(true);
  });

  it("runs a command with input and both outputs", async () => {
    const stdin = Buffer.alloc(3_000_000, "0123456789abcdef").toString();
    const { code, out, err } = await kubectl(["exec", "-i", "web", "-c", "app", "--", "cat", "a b"], { stdin, env });
    expect(err).toBe("to stderr\n");
    expect(code).toBe(0);
    expect(out === `ran cat a b\n${stdin}`).toBe(true);
    expect(kubelet.requests).toMatchObject([
      {
        method: "POST",
        client: "kube-apiserver-kubelet-client",
        url: "/exec/default/web/app?input=1&output=1&error=1&command=cat&command=a+b",
      },
    ]);
    expect(kubelet.requests[0]?.headers.authorization).toBeUndefined();
  });

  it("ends with the command's exit code", async () => {
    const { code, err } = await kubectl(["exec", "web", "-c", "app", "--", "false"], { env });
    expect(code).toBe(3);
    expect(err).toContain("command terminated with exit code 3");
  });

  it("says what the kubelet says", async () => {
    kubelet.refuse = { status: 500, text: 'container not found ("app")\n' };
    const { code, err } = await kubectl(["exec", "web", "-c", "app", "--", "true"], { env });
    expect(code).toBe(1);
    expect(err).toContain('unable to upgrade connection: container not found ("app")');
  });

  it("attaches", async () => {
    const { code, out } = await kubectl(["attach", "-i", "web", "-c", "app"], { stdin: "hello\n", env });
    expect(code).toBe(0);
    expect(out).toContain("hello\n");
    expect(kubelet.requests[0]?.url).toBe("/attach/default/web/app?input=1&output=1&error=1");
  });

  it("forwards ports", async () => {
    const child = spawn("kubectl", ["--kubeconfig", join(dir, "kubeconfig"), "port-forward", "pod/web", ":8080"], {
      env: { ...process.env, HOME: dir, ...env },
    });
    const errors: string[] = [];
    child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text));
    const port = await new Promise<number>((resolve, reject) => {
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const match = /127\.0\.0\.1:(\d+) -> 8080/.exec(text);
        if (match !== null) resolve(Number(match[1]));
      });
      child.once("close", () => reject(new Error(errors.join(""))));
    });
    try {
      for (let i = 0; i < 3; i++) {
        const text = `${i}`.repeat(200_000);
        const socket = connect(port, "127.0.0.1");
        socket.end(text);
        let got = "";
        for await (const chunk of socket) got += String(chunk);
        expect(got === `port 8080:${text}`).toBe(true);
      }
    } finally {
      child.removeAllListeners("close");
      child.kill();
      await once(child, "close");
    }
    expect(kubelet.requests[0]?.url).toBe("/portForward/default/web");
  });
});

describe("the parameters of a stream", () => {
  const ask = (
    path: string,
    protocols: string[] = ["v5.channel.k8s.io"],
  ): Promise<{ socket?: WebSocket; status: number; text: string }> =>
    new Promise((resolve) => {
      const config = api.server.loopbackConfig;
      const socket = new WebSocket(`${config.server.replace("https", "wss")}${path}`, protocols, {
        ca: config.caData,
        cert: config.clientCertData,
        key: config.clientKeyData,
      });
      socket.once("open", () => resolve({ socket, status: 101, text: "" }));
      socket.once("unexpected-response", (_request, response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      socket.once("error", () => undefined);
    });
  const pod = "/api/v1/namespaces/default/pods";

  it.each([
    ["binary.k8s.io", (bytes: Buffer) => bytes.toString()],
    ["base64.binary.k8s.io", (bytes: Buffer) => Buffer.from(bytes.toString(), "base64").toString()],
  ])("a log comes as %s messages after an empty one", async (protocol, read) => {
    const { socket } = await ask(`${pod}/web/log`, [protocol]);
    if (socket === undefined) throw new Error("not upgraded");
    const messages: string[] = [];
    socket.on("message", (bytes: Buffer) => messages.push(read(bytes)));
    await once(socket, "close");
    expect(socket.protocol).toBe(protocol);
    expect(messages[0]).toBe("");
    expect(messages.slice(1).join("")).toBe("GET /containerLogs/default/web/side?");
  });

  it("a log refuses a subprotocol it has not, and says what the kubelet would before the upgrade", async () => {
    expect(await ask(`${pod}/web/log`, ["v5.channel.k8s.io"])).toMatchObject({ status: 400 });
    expect(await ask(`${pod}/none/log`, ["binary.k8s.io"])).toMatchObject({ status: 404 });
  });

  it("takes the default container, sends an empty message, the output, the status, and closes", async () => {
    const { socket } = await ask(`${pod}/web/exec?stdout=1&command=date`);
    const messages: string[] = [];
    socket?.on("message", (data) => messages.push((data as Buffer).toString("latin1")));
    const [code] = (await once(socket as WebSocket, "close")) as [number];
    expect(messages).toEqual(["\u0001", "\u0001ran date\n", '\u0003{"metadata":{},"status":"Success"}']);
    expect(code).toBe(1000);
    expect(kubelet.requests[0]?.url).toBe("/exec/default/web/side?output=1&command=date");
  });

  it("tells the terminal's size and ends input alone", async () => {
    const sizes: string[] = [];
    kubelet.session = async (streams, url, connection) => {
      streams.get("resize")?.on("data", (chunk: Buffer) => sizes.push(chunk.toString()));
      await echo(streams, url, connection);
    };
    const { socket } = await ask(`${pod}/web/exec?stdin=1&stdout=1&stderr=1&tty=1&command=sh&container=app`);
    let out = "";
    socket?.on("message", (data) => (out += (data as Buffer).subarray(1).toString()));
    socket?.send(Buffer.from('\u0004{"Width":80,"Height":24}'));
    socket?.send(Buffer.from("\u0000typed"));
    socket?.send(Buffer.from([255, 0]));
    await once(socket as WebSocket, "close");
    expect(out).toBe('ran sh\ntyped{"metadata":{},"status":"Success"}');
    expect(sizes).toEqual(['{"Width":80,"Height":24}']);
  });

  it.each([
    ["waiting/exec?command=x&stdout=1", 400, "pod waiting does not have a host assigned"],
    ["web/exec?command=x&stdout=1&container=none", 400, "container none is not valid for pod web"],
    ["none/exec?command=x&stdout=1", 404, 'pods \\"none\\" not found'],
    ["lost/exec?command=x&stdout=1", 404, 'nodes \\"node-2\\" not found'],
  ])("refuses %s", async (path, status, text) => {
    expect(await ask(`${pod}/${path}`)).toMatchObject({ status, text: expect.stringContaining(text) as string });
  });

  it("wants an upgrade", async () => {
    const { status, body } = await api.post(`${pod}/web/exec?command=x&stdout=1`, {});
    expect([status, body.message]).toEqual([400, "Upgrade request required"]);
  });

  it("reaches the kubelet through the node's proxy", async () => {
    const { status, text } = await api.get("/api/v1/nodes/node-1/proxy/stats/summary?a=b");
    expect([status, text]).toEqual([200, "GET /stats/summary?a=b"]);
    expect((await api.get(`${pod}/web/proxy/`)).body).toMatchObject({ code: 400, message: "address not allowed" });
  });
});
