// What kubectl does to pods and for people, with containers that run: logs in all their cuts, debugging, copying,
// certificates, and the small commands that make, label, scale and expose things.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newCertificateRequest } from "@knots/machinery/pki/request";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunNodes, eventually, TestCluster } from "./cluster.ts";

/** What `kubectl logs --timestamps` puts before a line: RFC 3339 with nanoseconds. */
const STAMP = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)`;

describe.skipIf(!canRunNodes)("kubectl and containers", () => {
  const cluster = new TestCluster("pods");
  const dir = mkdtempSync(join(tmpdir(), "knots-pods-"));
  const kubectl = async (line: string): Promise<string> => await cluster.kubectl(...line.split(" "));
  const failing = async (line: string): Promise<string> => {
    const { code, stderr } = await cluster.run("kubectl", line.split(" "));
    expect(code).not.toBe(0);
    return stderr;
  };
  const shell = (name: string, script: string): object => ({
    name,
    image: "busybox:1.35",
    command: ["sh", "-c", script],
  });
  const run = async (name: string, containers: readonly object[], more: object = {}): Promise<void> => {
    const spec = { terminationGracePeriodSeconds: 1, containers, ...more };
    await cluster.apply({ apiVersion: "v1", kind: "Pod", metadata: { name, labels: { app: name } }, spec });
  };
  const ready = async (pod: string): Promise<string> =>
    await kubectl(`wait --for=condition=Ready ${pod} --timeout=60s`);

  beforeAll(async () => {
    await cluster.knots("up");
  }, 600_000);
  afterAll(async () => {
    rmSync(dir, { recursive: true, force: true });
    await cluster[Symbol.asyncDispose]();
  }, 120_000);

  test("logs are cut by lines, bytes and time, stamped, and told apart by container", async () => {
    const late = "until [ -e /tmp/go ]; do sleep 0.1; done; echo three";
    await run("logger", [
      shell("main", `echo one; echo two; ${late}; sleep 600`),
      shell("side", "echo aside; sleep 600"),
    ]);
    await ready("pod/logger");
    const logs = async (options: string): Promise<string> => await kubectl(`logs logger ${options}`);
    await eventually("the first lines are written", async () => (await logs("-c main")) === "one\ntwo\n");
    expect(await logs("-c main --tail=1")).toBe("two\n");
    expect(await logs("-c main --tail=0")).toBe("");
    expect(await logs("-c main --limit-bytes=1")).toBe("o");
    expect(await logs("-c main --tail=1 --timestamps")).toMatch(new RegExp(`^${STAMP} two\n$`));
    expect(await logs("-c main --since=24h")).toBe("one\ntwo\n");
    // Nothing of what was said is that new: asked again until the clock has moved on.
    await eventually("the lines are older than a second", async () => (await logs("-c main --since=1s")) === "");
    await kubectl("exec logger -c main -- touch /tmp/go");
    const stamped = await eventually("the last line is written", async () => {
      const text = await logs("-c main --timestamps");
      return text.includes("three") && text;
    });
    const since = new RegExp(`(${STAMP}) three`).exec(stamped)?.[1] ?? "";
    expect(await logs(`-c main --since-time=${since}`)).toBe("three\n");
    expect(await logs("-c side")).toBe("aside\n");
    // kubectl asks the containers in no order.
    const all = (await logs("--all-containers --prefix --tail=1")).split("\n").toSorted();
    expect(all).toEqual(["", "[pod/logger/main] three", "[pod/logger/side] aside"]);
    expect(await kubectl("logs -l app=logger -c main --tail=1")).toBe("three\n");
    expect(await failing("logs logger -c other")).toContain("container other is not valid for pod logger");
    expect(await failing("logs logger -c main --previous")).toContain(
      'previous terminated container "main" in pod "logger" not found',
    );
  });

  test("a pod in the node's network has the node's name and reaches what the node says of its proxy", async () => {
    const get = (url: string): string => `until wget -qO- http://127.0.0.1:${url}; do sleep 0.2; done`;
    const script = `hostname; ${get("10249/proxyMode")}; echo; ${get("10256/livez")}; echo; sleep 600`;
    await run("outside", [shell("main", script)], { hostNetwork: true });
    await ready("pod/outside");
    await eventually("it has told what it sees", async () => (await kubectl("logs outside")).includes("lastUpdated"));
    expect(await kubectl("logs outside")).toMatch(/^node-1\nnftables\n\{"lastUpdated"/);
  });

  test("logs --previous are those of the container before the restart", async () => {
    const main = shell("main", "[ -e /kept/once ] && { echo second; sleep 600; }; echo first; touch /kept/once");
    await run("again", [{ ...main, volumeMounts: [{ name: "kept", mountPath: "/kept" }] }], {
      volumes: [{ name: "kept", emptyDir: {} }],
    });
    await eventually("the container runs again", async () => (await kubectl("logs again")) === "second\n");
    expect(await kubectl("logs again --previous")).toBe("first\n");
    expect(await kubectl("logs again -p --tail=1")).toBe("first\n");
  });

  test("run makes a pod from an image, label finds it again, scale and expose reach its like", async () => {
    expect(await kubectl("run once --image=busybox:1.35 --restart=Never -- sleep 600")).toBe("pod/once created\n");
    await ready("pod/once");
    const [restart, image] = (
      await kubectl("get pod once -o jsonpath={.spec.restartPolicy},{.spec.containers[0].image}")
    ).split(",");
    expect([restart, image]).toEqual(["Never", "busybox:1.35"]);
    expect(await kubectl("label pod once testing-label=testing-label-value")).toBe("pod/once labeled\n");
    expect(await kubectl("get pods -L testing-label -l testing-label")).toMatch(
      /TESTING-LABEL\nonce.*testing-label-value\n$/,
    );
    expect(await kubectl("label pod once testing-label-")).toBe("pod/once unlabeled\n");
    expect(await kubectl("get pods -l testing-label -o name")).toBe("");

    const selector = { app: "echo" };
    const template = {
      metadata: { labels: selector },
      spec: { containers: [shell("main", "hostname > /tmp/index.html; httpd -f -p 8080 -h /tmp")] },
    };
    await cluster.apply({
      apiVersion: "v1",
      kind: "ReplicationController",
      metadata: { name: "echo" },
      spec: { replicas: 1, selector, template },
    });
    const running = async (count: number): Promise<void> => {
      await eventually(
        `${count} pods run`,
        async () => (await kubectl("get rc echo -o jsonpath={.status.readyReplicas}")) === String(count),
      );
    };
    await running(1);
    expect(await kubectl("scale rc echo --current-replicas=1 --replicas=2 --timeout=60s")).toBe(
      "replicationcontroller/echo scaled\n",
    );
    await running(2);
    expect(await failing("scale rc echo --current-replicas=5 --replicas=1")).toContain(
      "Expected replicas to be 5, was 2",
    );
    expect(await kubectl("expose rc echo --name=first --port=1234 --target-port=8080")).toBe("service/first exposed\n");
    expect(await kubectl("expose service first --name=second --port=2345 --target-port=8080")).toBe(
      "service/second exposed\n",
    );
    const pods = (await kubectl("get pods -l app=echo -o jsonpath={.items[*].metadata.name}")).split(" ");
    for (const [service, port] of [
      ["first", 1234],
      ["second", 2345],
    ] as const) {
      const address = await kubectl(`get service ${service} -o jsonpath={.spec.clusterIP}`);
      const said = await eventually(`${service} answers`, async () => {
        const { code, stdout } = await cluster.onNode("node-1", "curl", "-sf", `http://${address}:${port}/`);
        return code === 0 && stdout.trim();
      });
      expect(pods).toContain(said);
    }
    await kubectl("scale rc echo --replicas=1");
    await running(1);
  });

  test("debug runs a container beside those of a pod, and a copy of it; cp goes both ways", async () => {
    await run("subject", [shell("main", "sleep 600")]);
    await ready("pod/subject");
    const debug = await cluster.run("kubectl", [
      ..."debug subject --profile=general --image=busybox:1.35 --container=helper --target=main --attach=false --".split(
        " ",
      ),
      "sh",
      "-c",
      "echo helping; sleep 600",
    ]);
    expect(debug.code).toBe(0);
    await eventually("the helper has spoken", async () => (await kubectl("logs subject -c helper")) === "helping\n");
    const copied = await kubectl(
      "debug subject --profile=general --copy-to=copied --image=busybox:1.35 --container=more --attach=false -- sleep 600",
    );
    expect(copied).toBe("");
    await ready("pod/copied");
    expect((await kubectl("get pod copied -o jsonpath={.spec.containers[*].name}")).split(" ")).toEqual([
      "main",
      "more",
    ]);
    const text = "there and back\n".repeat(10_000);
    writeFileSync(join(dir, "there"), text);
    await kubectl(`cp ${join(dir, "there")} subject:/tmp/there -c main`);
    await kubectl(`cp subject:/tmp/there ${join(dir, "back")} -c main`);
    expect(readFileSync(join(dir, "back"), "utf8")).toBe(text);
  });

  test("certificate approve makes somebody whose rights auth can-i --list tells", async () => {
    const { request, keyPem } = await newCertificateRequest({ commonName: "jane", organizations: ["dev"] });
    await cluster.apply({
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name: "jane" },
      spec: {
        request: Buffer.from(request).toString("base64"),
        signerName: "kubernetes.io/kube-apiserver-client",
        usages: ["client auth"],
      },
    });
    expect(await kubectl("get csr jane")).toMatch(
      /jane\s+\S+\s+kubernetes\.io\/kube-apiserver-client\s+\S+\s+<none>\s+Pending/,
    );
    expect(await kubectl("certificate approve jane")).toBe(
      "certificatesigningrequest.certificates.k8s.io/jane approved\n",
    );
    const certificate = await eventually("it is signed", async () => {
      // Nothing is printed until then.
      return (await kubectl("get csr jane -o jsonpath={.status.certificate}")) || undefined;
    });
    writeFileSync(join(dir, "jane.crt"), Buffer.from(certificate, "base64"));
    writeFileSync(join(dir, "jane.key"), keyPem, { mode: 0o600 });
    await kubectl("create role reader --verb=get,list --resource=pods");
    await kubectl("create rolebinding reader --role=reader --group=dev");
    const jane = `--client-certificate=${join(dir, "jane.crt")} --client-key=${join(dir, "jane.key")}`;
    const context = (await kubectl("config view --minify -o jsonpath={.contexts[0].context.cluster}")).trim();
    await kubectl(`config set-credentials jane --embed-certs=true ${jane}`);
    await kubectl(`config set-context jane --cluster=${context} --user=jane`);
    expect(await kubectl("auth whoami --context=jane -o jsonpath={.status.userInfo.username}")).toBe("jane");
    const list = await kubectl("auth can-i --list --context=jane");
    expect(list).toMatch(/\npods\s+\[\]\s+\[\]\s+\[get list\]\n/);
    expect(list).toMatch(/\nselfsubjectaccessreviews\.authorization\.k8s\.io\s+\[\]\s+\[\]\s+\[create\]\n/);
    expect(await kubectl("get pod once -o name --context=jane")).toBe("pod/once\n");
    expect(await failing("delete pod once --context=jane")).toContain(
      'pods "once" is forbidden: User "jane" cannot delete resource "pods" in API group "" in the namespace "default"',
    );
    expect(await failing("certificate deny jane")).toContain('certificate signing request "jane" is already Approved');
  });

  test("top tells what nodes and pods use", async () => {
    const node = await eventually("the node's figures are there", async () => await kubectl("top node"));
    expect(node).toMatch(
      /^NAME\s+CPU\(cores\)\s+CPU\(%\)\s+MEMORY\(bytes\)\s+MEMORY\(%\)\s*\nnode-1\s+\d+m\s+\d+%\s+\d+Mi\s+\d+%/,
    );
    const pods = await eventually("the pod's figures are there", async () => {
      const text = await kubectl("top pod --containers");
      return /logger\s+side\s+/.test(text) && text;
    });
    expect(pods).toMatch(/^POD\s+NAME\s+CPU\(cores\)\s+MEMORY\(bytes\)\s*\n[^]*logger\s+main\s+\d+m\s+\d+Mi/);
  });
});
