// The main job on a real cluster: real containers, real rules. One cluster serves all of these tests, in their order.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunNodes, eventually, TestCluster } from "./cluster.ts";

interface PodView {
  metadata: { name: string; uid: string; annotations?: Record<string, string> };
  spec: { nodeName?: string };
  status: {
    phase: string;
    podIP?: string;
    containerStatuses?: {
      ready: boolean;
      restartCount: number;
      containerID?: string;
      state: { waiting?: { reason: string; message?: string }; running?: object };
    }[];
  };
}

const busybox = (name: string, command: string, extra: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: name } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "main", image: "busybox:1.35", command: ["sh", "-c", command] }],
    ...extra,
  },
});

describe.skipIf(!canRunNodes)("a cluster of one node", () => {
  const cluster = new TestCluster("e2e");
  const dataDir = join(process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"), "knots", "e2e");
  const pod = async (name: string): Promise<PodView> => await cluster.json<PodView>("get", "pod", name);
  const running = async (name: string): Promise<PodView> =>
    await eventually(`pod ${name} runs`, async () => {
      const found = await pod(name);
      return found.status.containerStatuses?.every((each) => each.ready) === true && found;
    });

  beforeAll(async () => {
    await cluster.knots("up");
  }, 600_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  }, 120_000);

  test("up returns with the node Ready", async () => {
    expect(await cluster.kubectl("get", "nodes")).toMatch(/node-1\s+Ready\s+control-plane/);
  });

  test("a Deployment becomes pods by way of every part, and the Events tell", async () => {
    await cluster.kubectl("create", "deployment", "web", "--image=nginx:1.22", "--replicas=2");
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    const events = await eventually("the events are written", async () => {
      const text = await cluster.kubectl("get", "events");
      return text.includes("Started") && text;
    });
    for (const reason of ["ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Pulled", "Created", "Started"])
      expect(events).toContain(reason);
    const described = await cluster.kubectl("describe", "pods", "-l", "app=web");
    expect(described).toMatch(/PodScheduled\s+True/);
    expect(described).toMatch(/ContainersReady\s+True/);
  });

  test("a Service answers on its cluster IP from pods and nodes and on its node port from here", async () => {
    await cluster.kubectl("expose", "deployment", "web", "--port=80", "--type=NodePort");
    const service = await cluster.json<{ spec: { clusterIP: string; ports: { nodePort: number }[] } }>(
      "get",
      "svc",
      "web",
    );
    const node = await cluster.json<{ status: { addresses: { address: string }[] } }>("get", "node", "node-1");
    const address = node.status.addresses[0]?.address ?? "";
    const page = async (url: string): Promise<boolean> => {
      const result = await cluster.run("curl", ["-sS", "-m", "2", url]);
      if (!result.stdout.includes("Welcome to nginx")) throw new Error(result.stderr || result.stdout);
      return true;
    };
    await eventually("the node port answers", () => page(`http://${address}:${service.spec.ports[0]?.nodePort}/`));
    await cluster.apply(
      busybox(
        "caller",
        `until wget -qO /dev/null http://${service.spec.clusterIP}/; do sleep 0.2; done; sleep 3600`,
        {},
      ),
    );
    await running("caller");
    const inside = await cluster.onNode("node-1", "curl", "-sS", "-m", "2", `http://${service.spec.clusterIP}/`);
    expect(inside.stdout).toContain("Welcome to nginx");
    const refused = await cluster.onNode("node-1", "curl", "-sS", "-m", "2", `http://${service.spec.clusterIP}:81/`);
    expect(refused.code).not.toBe(0);
  });

  test("containers of a pod share its network and have its hostname; init containers come first, in order", async () => {
    const volume = { name: "shared", emptyDir: {} };
    const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
    const step = (name: string, command: string): object => ({
      name,
      image: "busybox:1.35",
      command: ["sh", "-c", command],
      volumeMounts,
    });
    await cluster.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pair" },
      spec: {
        restartPolicy: "Never",
        initContainers: [step("first", "echo 1 >> /shared/order"), step("second", "echo 2 >> /shared/order")],
        containers: [
          step("server", "hostname > /shared/name; echo hello | nc -l -p 8080 127.0.0.1; sleep 1"),
          step(
            "client",
            'until nc 127.0.0.1 8080 < /dev/null > /shared/said && grep hello /shared/said; do sleep 0.1; done; test "$(cat /shared/name)" = pair && test "$(tr -d \'\\n\' < /shared/order)" = 12',
          ),
        ],
        volumes: [volume],
      },
    });
    const ended = await eventually("the pair ends", async () => {
      const found = await pod("pair");
      return ["Succeeded", "Failed"].includes(found.status.phase) && found;
    });
    expect(ended.status.phase).toBe("Succeeded");
  });

  test("a deleted pod is replaced; a container that ends is restarted with back-off", async () => {
    const names = async (): Promise<string[]> =>
      (await cluster.json<{ items: PodView[] }>("get", "pods", "-l", "app=web")).items.map(
        (each) => each.metadata.name,
      );
    const [victim = ""] = await names();
    await cluster.kubectl("delete", "pod", victim, "--wait=false");
    await eventually("two others", async () => {
      const now = await names();
      return now.length === 2 && !now.includes(victim);
    });
    await cluster.apply(busybox("crash", "exit 3"));
    await eventually("it backs off", async () => {
      const state = (await pod("crash")).status.containerStatuses?.[0];
      return state?.state.waiting?.reason === "CrashLoopBackOff" && (state.restartCount ?? 0) >= 1;
    });
    await cluster.kubectl("delete", "pod", "crash", "--wait=false");
  });

  test("killed components come back by themselves and no container is restarted", async () => {
    const before = (await running("caller")).status.containerStatuses?.[0]?.containerID;
    const status = JSON.parse(await cluster.knots("status", "--output", "json")) as {
      processes: { name: string; pid: number }[];
    };
    for (const { pid } of status.processes) process.kill(pid, "SIGKILL");
    await eventually("a new pod runs", async () => {
      const result = await cluster.run("kubectl", ["run", "after", "--image=nginx:1.22", "--restart=Never"]);
      return result.code === 0 || result.stderr.includes("AlreadyExists");
    });
    await running("after");
    expect((await running("caller")).status.containerStatuses?.[0]?.containerID).toBe(before);
    const again = JSON.parse(await cluster.knots("status", "--output", "json")) as typeof status;
    expect(again.processes.map(({ name }) => name)).toEqual(status.processes.map(({ name }) => name));
  }, 120_000);

  test("a static pod runs and shows as a mirror pod", async () => {
    const folder = join(dataDir, "nodes", "node-1", "manifests");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "static.json"), JSON.stringify(busybox("static", "sleep 3600")));
    const mirror = await running("static-node-1");
    expect(mirror.metadata.annotations).toHaveProperty("kubernetes.io/config.mirror");
    rmSync(join(folder, "static.json"));
    await eventually("it goes with its file", async () =>
      (await cluster.run("kubectl", ["get", "pod", "static-node-1"])).stderr.includes("NotFound"),
    );
  });

  test("what goes wrong says so", async () => {
    const bad = await cluster.run("kubectl", ["apply", "-f", "-"], {
      input: JSON.stringify({
        ...busybox("bad", "true"),
        spec: { containers: [{ name: "a", image: "b" }], replicas: 2 },
      }),
    });
    expect(bad.stderr).toContain('unknown field "spec.replicas"');
    await cluster.kubectl("run", "nowhere", "--image=localhost:1/no/such:1", "--restart=Never");
    const waiting = await eventually("the pull fails", async () => {
      const state = (await pod("nowhere")).status.containerStatuses?.[0]?.state.waiting;
      return state?.reason === "ImagePullBackOff" && state;
    });
    expect(waiting.message).toContain("localhost:1/no/such:1");
    await cluster.kubectl("delete", "pod", "nowhere", "--wait=false");
    const second = await cluster.run("./knots", ["up", "--name", "Bad_Name"]);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain("Bad_Name");
  });

  test("stopped and started again: state and pods are back", async () => {
    await cluster.knots("down", "--keep-data");
    await cluster.knots("up");
    expect(await cluster.kubectl("get", "deployment", "web")).toContain("web");
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    await running("caller");
  }, 120_000);

  test("down leaves no process, mount, namespace, rule or route behind", async () => {
    await cluster.knots("down");
    const mounts = readFileSync("/proc/self/mounts", "utf8");
    expect(mounts).not.toContain(dataDir);
    expect(mounts).not.toContain("knots-e2e");
    expect(existsSync("/run/netns/knots-e2e-node-1")).toBe(false);
    expect(existsSync(dataDir)).toBe(false);
    const left = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(dataDir);
        } catch {
          return false;
        }
      });
    expect(left).toEqual([]);
    const rules = await cluster.run("nft", ["list", "tables"]);
    expect(rules.stdout).not.toMatch(/kube-proxy|knots/);
  }, 120_000);
});
