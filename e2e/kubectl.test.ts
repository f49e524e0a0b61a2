// What people do with kubectl, word by word, on two clusters that run side by side.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunNodes, eventually, ROOT, TestCluster } from "./cluster.ts";

describe.skipIf(!canRunNodes)("kubectl", () => {
  const cluster = new TestCluster("kubectl");
  const other = new TestCluster("beside");
  const dir = mkdtempSync(join(tmpdir(), "knots-kubectl-"));
  const kubectl = async (line: string): Promise<string> => await cluster.kubectl(...line.split(" "));

  beforeAll(async () => {
    await cluster.knots("up");
    await other.knots("up");
    await kubectl("create deployment web --image=nginx:1.22 --replicas=2");
    await kubectl("rollout status deployment/web --timeout=60s");
  }, 600_000);
  afterAll(async () => {
    rmSync(dir, { recursive: true, force: true });
    await cluster[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  }, 120_000);

  test("a second cluster beside it knows nothing of the first", async () => {
    expect(await other.kubectl("get", "nodes")).toMatch(/node-1\s+Ready/);
    expect(await other.kubectl("get", "deployments")).toBe("");
    expect((await other.knots("status")).match(/Ready/g)).toHaveLength(1);
  });

  test("get: wide, yaml, json, jsonpath, custom columns, names, across namespaces", async () => {
    const all = await kubectl("get nodes,pods,svc,deploy,rs -A -o wide");
    expect(all).toMatch(/node\/node-1\s+Ready\s+control-plane\s+\S+\s+v1\.36\S*\s+[\d.]+\s+<none>\s+.*containerd:\/\//);
    expect(all).toMatch(
      /default\s+pod\/web-\S+\s+1\/1\s+Running\s+0\s+\S+\s+10\.244\.0\.\d+\s+node-1\s+<none>\s+<none>/,
    );
    expect(all).toMatch(/default\s+deployment\.apps\/web\s+2\/2\s+2\s+2\s+\S+\s+nginx\s+nginx:1\.22\s+app=web/);
    expect(all).toMatch(/kube-system\s+service\/kube-dns\s+ClusterIP\s+10\.96\.0\.10\s+<none>\s+53\/UDP,53\/TCP/);
    expect(all).toMatch(/replicaset\.apps\/web-\S+\s+2\s+2\s+2/);
    expect(await kubectl("get deploy web -o jsonpath={.spec.replicas}")).toBe("2");
    expect(await kubectl("get deploy web -o custom-columns=NAME:.metadata.name,R:.spec.replicas")).toBe(
      "NAME   R\nweb    2\n",
    );
    expect(await kubectl("get deploy -o name")).toBe("deployment.apps/web\n");
    expect(await kubectl("get deploy web -o yaml")).toMatch(/^apiVersion: apps\/v1\nkind: Deployment\n/);
    expect(JSON.parse(await kubectl("get deploy web -o json"))).toMatchObject({ kind: "Deployment" });
  });

  test("get --raw: what the API server measures of itself", async () => {
    const metrics = await kubectl("get --raw /metrics");
    expect(metrics).toMatch(/^process_cpu_seconds_total /m);
    expect(metrics).toContain('apiserver_storage_objects{resource="deployments.apps"} 1');
  });

  test("get -w tells what happens", async () => {
    const watch = spawn("kubectl", ["get", "pods", "-w"], {
      cwd: ROOT,
      env: cluster.env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let seen = "";
    watch.stdout.on("data", (text: Buffer) => (seen += text.toString()));
    try {
      await eventually("the watch has begun", () => Promise.resolve(/web-/.test(seen)));
      await kubectl("run seen --image=busybox:1.35 --restart=Never -- true");
      await eventually("the watch shows the pod's life", async () => {
        await Promise.resolve();
        return /seen\s+0\/1\s+Pending[^]*seen\s+0\/1\s+ContainerCreating[^]*seen\s+0\/1\s+Completed/.test(seen);
      });
    } finally {
      watch.kill();
    }
    expect(await kubectl("delete pod seen")).toMatch(/^pod "seen" deleted/);
  });

  test("describe reads like upstream's", async () => {
    const [pod = ""] = (await kubectl("get pods -l app=web -o name")).split("\n");
    const text = await kubectl(`describe ${pod}`);
    expect(text).toMatch(/Service Account:\s+default\n/);
    expect(text).toMatch(/Controlled By:\s+ReplicaSet\/web-/);
    expect(text).toMatch(/Ready\s+True\s*\n[^]*ContainersReady\s+True\s*\n[^]*PodScheduled\s+True/);
    expect(text).toMatch(/QoS Class:\s+BestEffort/);
    expect(text).toMatch(/node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s/);
    expect(text).toMatch(
      /Normal\s+Scheduled\s+\S+\s+default-scheduler\s+Successfully assigned default\/web-\S+ to node-1\n\s+Normal\s+Pulled\s+\S+\s+kubelet\s+Container image "nginx:1\.22" already present on machine.*\n\s+Normal\s+Created\s+\S+\s+kubelet\s+.*\n\s+Normal\s+Started/,
    );
    expect(await kubectl("describe node node-1")).toMatch(
      /Ready\s+True\s+.*KubeletReady\s+kubelet is posting ready status/,
    );
    expect(await kubectl("describe deployment web")).toContain("Scaled up replica set web-");
  });

  test("apply, diff, create, edit, replace, delete", async () => {
    const file = join(dir, "config.yaml");
    const config = (value: string): void =>
      writeFileSync(file, `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {key: ${value}}\n`);
    config("one");
    expect(await kubectl(`apply -f ${file}`)).toBe("configmap/conf created\n");
    expect(await kubectl(`apply -f ${file}`)).toBe("configmap/conf unchanged\n");
    config("two");
    const diff = await cluster.run("kubectl", ["diff", "-f", file]);
    expect(diff.code).toBe(1);
    expect(diff.stdout).toMatch(/-\s+key: one\n\+\s+key: two/);
    expect(await kubectl(`apply -f ${file}`)).toBe("configmap/conf configured\n");
    const edit = await cluster.run("env", ["EDITOR=sed -i s/two/three/", "kubectl", "edit", "configmap", "conf"]);
    expect(edit.stdout).toContain("configmap/conf edited");
    expect(await kubectl("get configmap conf -o jsonpath={.data.key}")).toBe("three");
    config("four");
    expect(await kubectl(`replace -f ${file}`)).toBe("configmap/conf replaced\n");
    expect(await kubectl(`apply --server-side --force-conflicts -f ${file}`)).toBe(
      "configmap/conf serverside-applied\n",
    );
    expect(await kubectl("get configmap conf --show-managed-fields -o yaml")).toContain("operation: Apply");
    expect(await kubectl(`delete -f ${file}`)).toMatch(/^configmap "conf" deleted/);
    const again = await cluster.run("kubectl", ["get", "configmap", "conf"]);
    expect(again.stderr).toBe('Error from server (NotFound): configmaps "conf" not found\n');
  });

  test("patch in its three types, label, annotate, scale", async () => {
    const patches = [
      [
        "strategic",
        '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"A","value":"1"}]}]}}}}',
      ],
      ["merge", '{"metadata":{"labels":{"merged":"yes"}}}'],
      ["json", '[{"op":"add","path":"/metadata/labels/added","value":"yes"}]'],
    ] as const;
    for (const [type, patch] of patches)
      expect(await cluster.kubectl("patch", "deployment", "web", "--type", type, "-p", patch)).toBe(
        "deployment.apps/web patched\n",
      );
    const web = await cluster.json<{
      metadata: { labels: Record<string, string> };
      spec: { template: { spec: { containers: { image: string; env: object[] }[] } } };
    }>("get", "deployment", "web");
    expect(web.metadata.labels).toMatchObject({ app: "web", merged: "yes", added: "yes" });
    expect(web.spec.template.spec.containers).toMatchObject([
      { image: "nginx:1.22", env: [{ name: "A", value: "1" }] },
    ]);
    expect(await kubectl("label deployment web tier=front")).toBe("deployment.apps/web labeled\n");
    expect(await kubectl("annotate deployment web note=this")).toBe("deployment.apps/web annotated\n");
    expect(await kubectl("scale deployment web --replicas=3")).toBe("deployment.apps/web scaled\n");
    expect(await kubectl("rollout status deployment/web --timeout=60s")).toContain("successfully rolled out");
  });

  test("rollout restart, history, undo", async () => {
    const before = await kubectl("rollout history deployment/web");
    expect(before).toMatch(/REVISION\s+CHANGE-CAUSE\n1\s+<none>\n2\s+<none>/);
    expect(await kubectl("rollout restart deployment/web")).toBe("deployment.apps/web restarted\n");
    await kubectl("rollout status deployment/web --timeout=60s");
    expect(await kubectl("rollout undo deployment/web --to-revision=1")).toBe("deployment.apps/web rolled back\n");
    await kubectl("rollout status deployment/web --timeout=60s");
    expect(await kubectl("rollout history deployment/web")).toMatch(/2\s+<none>\n3\s+<none>\n4\s+<none>/);
    expect(await kubectl("get deployment web -o jsonpath={.spec.template.spec.containers[0].env}")).toBe("");
  });

  test("expose, run, wait, logs -f, attach, exec", async () => {
    expect(await kubectl("expose deployment web --port=80 --name=front")).toBe("service/front exposed\n");
    await eventually("the Service has its endpoints", async () => {
      const { subsets = [] } = await cluster.json<{ subsets?: { addresses?: object[] }[] }>(
        "get",
        "endpoints",
        "front",
      );
      return subsets[0]?.addresses?.length === 3;
    });
    const count = "for i in 1 2 3; do echo line $i; sleep 0.2; done; read answer; echo got $answer; sleep 300";
    await cluster.kubectl("run", "talk", "--image=busybox:1.35", "-i", "--attach=false", "--", "sh", "-c", count);
    expect(await kubectl("wait --for=condition=Ready pod/talk --timeout=60s")).toBe("pod/talk condition met\n");
    const follow = spawn("kubectl", ["logs", "-f", "talk"], { env: cluster.env, stdio: ["ignore", "pipe", "inherit"] });
    let heard = "";
    follow.stdout.on("data", (text: Buffer) => (heard += text.toString()));
    const attach = await cluster.run("timeout", ["5", "kubectl", "attach", "-i", "talk"], { input: "hello\n" });
    expect(attach.stdout).toContain("got hello");
    await eventually("logs -f goes on", async () => {
      await Promise.resolve();
      return heard === "line 1\nline 2\nline 3\ngot hello\n";
    });
    follow.kill();
    const terminal = await cluster.run("script", ["-qec", "kubectl exec -it talk -- sh -c 'tty; exit 3'", "/dev/null"]);
    expect(terminal.stdout).toContain("/dev/pts/0");
    expect(terminal.code).toBe(3);
  });

  test("explain, api-resources, api-versions, cluster-info, auth can-i, config view, version, top", async () => {
    expect(await kubectl("explain pod.spec.containers.livenessProbe")).toMatch(
      /KIND: {7}Pod\nVERSION: {4}v1\n\nFIELD: livenessProbe <Probe>[^]*failureThreshold\s+<integer>/,
    );
    expect(await kubectl("explain deployment.spec.strategy --recursive")).toMatch(
      /rollingUpdate\s+<RollingUpdateDeployment>/,
    );
    const resources = await kubectl("api-resources");
    expect(resources).toMatch(/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/);
    expect(resources).toMatch(/nodes\s+no\s+v1\s+false\s+Node/);
    expect((await kubectl("api-versions")).split("\n")).toEqual(expect.arrayContaining(["apps/v1", "batch/v1", "v1"]));
    expect(await kubectl("cluster-info")).toMatch(/Kubernetes control plane.* is running at .*https:\/\//);
    expect(await kubectl("auth can-i create pods")).toBe("yes\n");
    const denied = await cluster.run("kubectl", [
      "auth",
      "can-i",
      "create",
      "pods",
      "--as=system:serviceaccount:default:default",
    ]);
    expect(denied).toMatchObject({ code: 1, stdout: "no\n" });
    const config = await kubectl("config view --minify");
    expect(config).toContain("current-context: knots-kubectl");
    expect(config).not.toMatch(/PRIVATE KEY|client-key-data: (?!DATA\+OMITTED)/);
    expect(await kubectl("version")).toContain("Server Version: v1.36.0+knots.1");
  });

  test("an image comes from a registry", async () => {
    const registry = "127.0.0.1:5000";
    const file = join(dir, "registry.yml");
    writeFileSync(
      file,
      `version: 0.1\nstorage: {filesystem: {rootdirectory: ${join(dir, "registry")}}}\nhttp: {addr: "${registry}"}\n`,
    );
    // On the node's own loopback: no packet leaves its namespace.
    const netns = "--net=/run/netns/knots-kubectl-node-1";
    const server = spawn("nsenter", [netns, "docker-registry", "serve", file], { stdio: "ignore" });
    try {
      await eventually("the registry listens", async () => {
        return (await cluster.onNode("node-1", "curl", "-sf", `http://${registry}/v2/`)).code === 0;
      });
      const image = `${registry}/library/pulled:1`;
      const socket = join(dirOf(await cluster.knots("status", "--output", "json")), "run", "node-1", "containerd.sock");
      const ctr = async (...args: string[]): Promise<void> => {
        const result = await cluster.onNode("node-1", "ctr", "-a", socket, "-n", "k8s.io", "images", ...args);
        if (result.code !== 0) throw new Error(`ctr images ${args.join(" ")}: ${result.stderr}`);
      };
      await ctr("tag", "docker.io/library/busybox:1.35", image);
      await ctr("push", "--plain-http", image);
      await ctr("rm", image);
      await cluster.kubectl("run", "pulled", `--image=${image}`, "--image-pull-policy=Always", "--", "sleep", "300");
      await kubectl("wait --for=condition=Ready pod/pulled --timeout=60s");
      expect(await kubectl("describe pod pulled")).toMatch(
        /Successfully pulled image "127\.0\.0\.1:5000\/library\/pulled:1" in /,
      );
    } finally {
      server.kill();
    }
  });
});

/** The data directory that `status --output json` names. */
function dirOf(status: string): string {
  const { dataDir } = JSON.parse(status) as { dataDir: string };
  return dataDir;
}
