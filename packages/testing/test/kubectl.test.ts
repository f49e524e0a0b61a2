// What kubectl does that needs an API server and controllers, but no container that runs. Where kubectl is installed.
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { pods, replicationControllers, type Pod } from "@knots/api/core/v1";
import { TestEnvironment } from "@knots/testing";

const installed = spawnSync("kubectl", ["version", "--client"]).status === 0;

describe.skipIf(!installed)("kubectl", { timeout: 60_000 }, () => {
  let environment: TestEnvironment;
  let directory: string;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    environment = await TestEnvironment.start({
      controllers: ["replicationcontroller-controller", "garbage-collector-controller", "endpoints-controller"],
      disableAdmissionPlugins: ["ServiceAccount"],
    });
    directory = await mkdtemp(join(tmpdir(), "knots-kubectl-"));
    await writeFile(join(directory, "config"), environment.kubeconfig);
    env = { ...process.env, KUBECONFIG: join(directory, "config"), HOME: directory };
  });
  afterAll(async () => {
    await environment[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  /** What it prints, and its exit code. */
  const tried = (args: readonly string[], input?: object): Promise<{ code: number; text: string }> =>
    new Promise((resolve) => {
      const child = execFile("kubectl", args, { env }, (error, out, err) =>
        resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, text: out + err }),
      );
      child.stdin?.end(input === undefined ? "" : JSON.stringify(input));
    });
  const kubectl = async (line: string, input?: object): Promise<string> => {
    const { code, text } = await tried(line.split(" "), input);
    expect([code, text]).toEqual([0, text]);
    return text;
  };
  const selector = { app: "agnhost" };
  const container = { name: "agnhost-primary", image: "agnhost:2", ports: [{ name: "server", containerPort: 6379 }] };
  const rc = (name: string, replicas: number): object => ({
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name, labels: selector },
    spec: { replicas, selector, template: { metadata: { labels: selector }, spec: { containers: [container] } } },
  });
  const podsOf = async (namespace: string): Promise<Pod[]> =>
    (await environment.client.resource(pods, namespace).list({ labelSelector: "app=agnhost" })).items;
  const count = async (namespace: string, replicas: number): Promise<void> => {
    await vi.waitFor(async () => expect(await podsOf(namespace)).toHaveLength(replicas), {
      timeout: 15_000,
      interval: 20,
    });
  };

  test("makes a replication controller, scales it down and up, and deletes it with its pods", async () => {
    const ns = await environment.namespace();
    await kubectl(`create -n ${ns} -f -`, rc("update-demo", 2));
    await count(ns, 2);
    expect(await kubectl(`scale rc update-demo --replicas=1 -n ${ns}`)).toMatch(/update-demo scaled/);
    await count(ns, 1);
    await kubectl(`scale rc update-demo --replicas=2 -n ${ns}`);
    await count(ns, 2);
    await kubectl(`delete rc update-demo -n ${ns}`);
    await count(ns, 0);
    expect((await environment.client.resource(replicationControllers, ns).list()).items).toEqual([]);
  });

  test("describes a replication controller, its pods, a Service and a namespace", async () => {
    const ns = await environment.namespace();
    await kubectl(`create -n ${ns} -f -`, rc("agnhost-primary", 1));
    await count(ns, 1);
    await kubectl(`expose rc agnhost-primary --port=6379 -n ${ns}`);
    expect(await kubectl(`describe rc agnhost-primary -n ${ns}`)).toMatch(
      /Name:\s+agnhost-primary[^]*Namespace:\s+\S+[^]*Selector:\s+app=agnhost[^]*Labels:\s+app=agnhost[^]*Replicas:\s+1 current \/ 1 desired[^]*Pods Status:\s+0 Running \/ 1 Waiting[^]*Image:\s+agnhost:2/,
    );
    const [pod] = await podsOf(ns);
    expect(await kubectl(`describe pod ${pod?.metadata?.name} -n ${ns}`)).toMatch(
      /Labels:\s+app=agnhost[^]*Status:\s+Pending[^]*Controlled By:\s+ReplicationController\/agnhost-primary/,
    );
    expect(await kubectl(`describe service agnhost-primary -n ${ns}`)).toMatch(
      /Labels:\s+app=agnhost[^]*Selector:\s+app=agnhost[^]*Type:\s+ClusterIP[^]*IPs?:[^]*Port:\s+\S+\s+6379\/TCP[^]*Endpoints:[^]*Session Affinity:\s+None/,
    );
    expect(await kubectl(`describe namespace ${ns}`)).toMatch(new RegExp(`Name:\\s+${ns}[^]*Status:\\s+Active`));
  });

  test("shows what differs between a Deployment and its declaration", async () => {
    const ns = await environment.namespace();
    const deployment = (image: string): object => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        template: { metadata: { labels: selector }, spec: { containers: [{ name: "web", image }] } },
      },
    });
    await kubectl(`create -n ${ns} -f -`, deployment("agnhost:2"));
    const { code, text } = await tried(["diff", "-n", ns, "-f", "-"], deployment("busybox:1"));
    expect(code).toBe(1);
    expect(text).toMatch(/^-\s+- image: agnhost:2$/m);
    expect(text).toMatch(/^\+\s+- image: busybox:1$/m);
  });

  test("exposes a replication controller, and the Service of it again", async () => {
    const ns = await environment.namespace();
    await kubectl(`create -n ${ns} -f -`, rc("agnhost-primary", 1));
    await kubectl(`expose rc agnhost-primary --name=rm2 --port=1234 --target-port=6379 -n ${ns}`);
    await kubectl(`expose service rm2 --name=rm3 --port=2345 --target-port=6379 -n ${ns}`);
    for (const [name, port] of [
      ["rm2", 1234],
      ["rm3", 2345],
    ]) {
      const service = JSON.parse(await kubectl(`get service ${name} -n ${ns} -o json`)) as { spec: object };
      expect(service.spec).toMatchObject({ selector, ports: [{ port, targetPort: 6379 }] });
    }
  });

  test("labels a pod, finds it by the label, and takes the label away", async () => {
    const ns = await environment.namespace();
    await kubectl(`run pause --image=pause -n ${ns}`);
    await kubectl(`label pods pause testing-label=testing-label-value -n ${ns}`);
    expect(await kubectl(`get pod pause -L testing-label -n ${ns}`)).toContain("testing-label-value");
    expect(await kubectl(`get pod -l testing-label -o name -n ${ns}`)).toBe("pod/pause\n");
    await kubectl(`label pods pause testing-label- -n ${ns}`);
    expect(await kubectl(`get pod pause -L testing-label -n ${ns}`)).not.toContain("testing-label-value");
    expect(await kubectl(`get pod -l testing-label -o name -n ${ns}`)).toBe("");
  });

  test("annotates each pod of a replication controller by a patch", async () => {
    const ns = await environment.namespace();
    await kubectl(`create -n ${ns} -f -`, rc("agnhost-primary", 2));
    await count(ns, 2);
    for (const { metadata } of await podsOf(ns))
      await kubectl(`patch pod ${metadata?.name} -n ${ns} -p {"metadata":{"annotations":{"x":"y"}}}`);
    expect((await podsOf(ns)).map(({ metadata }) => metadata?.annotations)).toEqual([{ x: "y" }, { x: "y" }]);
  });

  test("runs a pod, replaces its image, and changes nothing in a dry run of the server", async () => {
    const ns = await environment.namespace();
    const imageOf = (): Promise<string> => kubectl(`get pod httpd -n ${ns} -o jsonpath={.spec.containers[*].image}`);
    expect(await kubectl(`run httpd --image=httpd:1 --restart=Never -n ${ns}`)).toBe("pod/httpd created\n");
    expect(await imageOf()).toBe("httpd:1");
    const patch = '{"spec":{"containers":[{"name":"httpd","image":"busybox:1"}]}}';
    expect(await kubectl(`patch pod httpd -n ${ns} --dry-run=server -p ${patch}`)).toContain("patched");
    expect(await imageOf()).toBe("httpd:1");
    const pod = JSON.parse(await kubectl(`get pod httpd -n ${ns} -o json`)) as {
      spec: { containers: { image: string }[] };
    };
    for (const each of pod.spec.containers) each.image = "busybox:1";
    expect(await kubectl(`replace -n ${ns} -f -`, pod)).toBe("pod/httpd replaced\n");
    expect(await imageOf()).toBe("busybox:1");
    for (const each of pod.spec.containers) each.image = "other:1";
    const before = await kubectl(`get pod httpd -n ${ns} -o jsonpath={.metadata.uid}`);
    await kubectl(`replace --force -n ${ns} -f -`, pod);
    expect(await imageOf()).toBe("other:1");
    expect(await kubectl(`get pod httpd -n ${ns} -o jsonpath={.metadata.uid}`)).not.toBe(before);
  });

  test("tells the API's versions, its own version and the server's", async () => {
    expect((await kubectl("api-versions")).split("\n")).toContain("v1");
    const text = await kubectl("version -o json");
    // A kubectl of another version warns behind it.
    const { serverVersion, clientVersion } = JSON.parse(text.slice(0, text.lastIndexOf("}") + 1)) as Record<
      string,
      object
    >;
    expect(serverVersion).toMatchObject({
      major: "1",
      minor: "36",
      gitVersion: expect.stringMatching(/^v1\.36\./) as string,
    });
    for (const field of ["gitCommit", "buildDate", "platform"])
      for (const version of [serverVersion, clientVersion]) expect(version).toHaveProperty(field);
  });

  /** The API's versions through a proxy that is started with `args`; `how` reads the address from its first line. */
  async function throughProxy(args: readonly string[], how: (line: string) => object): Promise<unknown> {
    const proxy = spawn("kubectl", ["proxy", ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
    try {
      const line = await new Promise<string>((resolve) => createInterface(proxy.stdout).once("line", resolve));
      return await new Promise((resolve, reject) => {
        request({ ...how(line), path: "/api/", headers: { host: "localhost" } }, (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => (text += chunk.toString()));
          response.on("end", () => resolve(JSON.parse(text)));
        })
          .on("error", reject)
          .end();
      });
    } finally {
      proxy.kill();
    }
  }

  test("is a proxy on any free port", async () => {
    const versions = await throughProxy(["-p", "0", "--disable-filter"], (line) => ({
      host: "127.0.0.1",
      port: Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]),
    }));
    expect(versions).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
  });

  test("is a proxy on a unix socket", async () => {
    const socketPath = join(directory, "proxy.sock");
    const versions = await throughProxy([`--unix-socket=${socketPath}`], () => ({ socketPath }));
    expect(versions).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
  });
});
