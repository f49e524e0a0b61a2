// A real application over three nodes: names, probes, logs, shells, tunnels, a node that goes away.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunNodes, eventually, TestCluster } from "./cluster.ts";

interface PodList {
  items: {
    metadata: { name: string };
    spec: { nodeName?: string };
    status: { podIP?: string; phase: string };
  }[];
}

describe.skipIf(!canRunNodes)("an application on three nodes", () => {
  const cluster = new TestCluster("app");
  beforeAll(async () => {
    await cluster.knots("up", "--nodes", "3");
  }, 600_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  }, 120_000);

  const address = async (node: string): Promise<string> =>
    await cluster.kubectl("get", "node", node, "-o", "jsonpath={.status.addresses[0].address}");

  test("three nodes are Ready", async () => {
    const nodes = await cluster.kubectl("get", "nodes");
    expect(nodes.match(/node-\d\s+Ready/g)).toHaveLength(3);
  });

  test("the guest book works, from every node's port", async () => {
    await cluster.kubectl("apply", "-f", "examples/guestbook/");
    for (const name of ["redis", "guestbook-api", "guestbook"])
      await cluster.kubectl("rollout", "status", `deployment/${name}`, "--timeout=80s");
    for (const node of ["node-1", "node-2", "node-3"]) {
      const url = `http://${await address(node)}:30080/api/messages`;
      const said = await eventually(`${node} answers`, async () => {
        const result = await cluster.run("curl", ["-sS", "-m", "5", "-X", "POST", "-d", `from ${node}`, url]);
        return result.stdout.includes(`from ${node}`) && result.stdout;
      });
      expect(said).toContain("guestbook-api-");
    }
  }, 120_000);

  test("pods reach each other across nodes, and Services by their names", async () => {
    const overrides = JSON.stringify({ spec: { nodeName: "node-3", terminationGracePeriodSeconds: 1 } });
    await cluster.kubectl("run", "shell", "--image=busybox:1.35", `--overrides=${overrides}`, "--", "sleep", "3600");
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/shell", "--timeout=60s");
    const program = "fetch(process.argv[1]).then((r) => r.text()).then(console.log)";
    const fetched = async (url: string): Promise<string> =>
      await cluster.kubectl("exec", "deployment/guestbook-api", "--", "node", "-e", program, url);
    const pods = await cluster.json<PodList>("get", "pods", "-l", "tier=web");
    for (const { status } of pods.items) expect(await fetched(`http://${status.podIP}/`)).toContain("Guest book");
    const names = ["guestbook", "guestbook.default", "guestbook.default.svc", "guestbook.default.svc.cluster.local"];
    for (const name of names) expect(await fetched(`http://${name}/`)).toContain("Guest book");
  });

  test("a headless Service answers with its pods, an ExternalName with an alias", async () => {
    await cluster.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "pods" },
      spec: { clusterIP: "None", selector: { tier: "web" }, ports: [{ port: 80 }] },
    });
    await cluster.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "elsewhere" },
      spec: { type: "ExternalName", externalName: "guestbook.default.svc.cluster.local" },
    });
    const look = async (name: string): Promise<string> => {
      const full = `${name}.default.svc.cluster.local`;
      return (await cluster.run("kubectl", ["exec", "shell", "--", "nslookup", "-type=a", full])).stdout;
    };
    const ips = (await cluster.json<PodList>("get", "pods", "-l", "tier=web")).items.map(
      (each) => each.status.podIP ?? "?",
    );
    await eventually("both pods are named", async () => {
      const answer = await look("pods");
      return ips.every((ip) => answer.includes(ip));
    });
    await eventually("the alias is told", async () =>
      (await look("elsewhere")).includes("canonical name = guestbook.default.svc.cluster.local"),
    );
  });

  test("logs, exec, cp, port-forward and proxy do what they do upstream", async () => {
    const logs = await cluster.kubectl("logs", "deployment/guestbook-api");
    expect(logs).toContain("guest book on port 3000");
    const piped = await cluster.run("kubectl", ["exec", "-i", "shell", "--", "sh", "-c", "cat; exit 3"], {
      input: "hello",
    });
    expect(piped).toMatchObject({ code: 3, stdout: "hello" });
    await cluster.kubectl("cp", "README.md", "shell:/tmp/readme");
    expect(await cluster.kubectl("exec", "shell", "--", "head", "-n1", "/tmp/readme")).toContain("# Knots");
    const tunnel = await cluster.run("bash", [
      "-c",
      "kubectl port-forward service/guestbook :80 > $KUBECONFIG.out & pid=$!; for i in $(seq 50); do port=$(sed -nE 's/.*127.0.0.1:([0-9]+).*/\\1/p' $KUBECONFIG.out); [ -n \"$port\" ] && break; sleep 0.1; done; curl -sS -m 5 http://127.0.0.1:$port/; kill $pid",
    ]);
    expect(tunnel.stdout).toContain("Guest book");
    expect(
      await cluster.kubectl("get", "--raw", "/api/v1/namespaces/default/services/guestbook:http/proxy/"),
    ).toContain("Guest book");
  });

  test("a readiness probe that fails takes its pod out of the Service; a liveness probe restarts", async () => {
    const overrides = JSON.stringify({
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: "probed",
            image: "busybox:1.35",
            command: ["sh", "-c", "touch /tmp/ready /tmp/live; sleep 3600"],
            readinessProbe: { exec: { command: ["cat", "/tmp/ready"] }, periodSeconds: 1, failureThreshold: 1 },
            livenessProbe: {
              exec: { command: ["cat", "/tmp/live"] },
              periodSeconds: 1,
              failureThreshold: 1,
              initialDelaySeconds: 2,
            },
          },
        ],
      },
    });
    await cluster.kubectl("run", "probed", "--image=busybox:1.35", "--labels=app=probed", `--overrides=${overrides}`);
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/probed", "--timeout=60s");
    await cluster.kubectl("expose", "pod", "probed", "--port=80");
    const ready = async (): Promise<string> =>
      await cluster.kubectl(
        "get",
        "endpointslices",
        "-l",
        "kubernetes.io/service-name=probed",
        "-o",
        "jsonpath={.items[*].endpoints[*].conditions.ready}",
      );
    await eventually("it is an endpoint", async () => (await ready()) === "true");
    await cluster.kubectl("exec", "probed", "--", "rm", "/tmp/ready");
    await eventually("it is none", async () => (await ready()) === "false");
    await cluster.kubectl("exec", "probed", "--", "rm", "/tmp/live");
    await eventually(
      "it is restarted",
      async () =>
        (await cluster.kubectl(
          "get",
          "pod",
          "probed",
          "-o",
          "jsonpath={.status.containerStatuses[0].restartCount}",
        )) !== "0",
    );
    const events = await cluster.kubectl("get", "events", "--field-selector", "involvedObject.name=probed");
    expect(events).toContain("Readiness probe failed: cat: can't open '/tmp/ready'");
    expect(events).toContain("Container probed failed liveness probe, will be restarted");
    await cluster.kubectl("delete", "pod", "probed", "--wait=false");
  }, 120_000);

  test("a stopped node is NotReady, its pods run elsewhere after their time; it comes back and is used again", async () => {
    const tolerate = ["not-ready", "unreachable"].map((key) => ({
      key: `node.kubernetes.io/${key}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 1,
    }));
    await cluster.apply({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "mover" },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: "mover" } },
        template: {
          metadata: { labels: { app: "mover" } },
          spec: {
            tolerations: tolerate,
            terminationGracePeriodSeconds: 1,
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: "kubernetes.io/hostname",
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: { app: "mover" } },
              },
            ],
            containers: [{ name: "main", image: "busybox:1.35", command: ["sleep", "3600"] }],
          },
        },
      },
    });
    await cluster.kubectl("rollout", "status", "deployment/mover", "--timeout=60s");
    const onNode2 = async (): Promise<number> =>
      (await cluster.json<PodList>("get", "pods", "-l", "app=mover")).items.filter(
        (each) => each.spec.nodeName === "node-2",
      ).length;
    expect(await onNode2()).toBeGreaterThan(0);
    await cluster.knots("node", "stop", "node-2");
    await eventually(
      "node-2 is NotReady",
      async () => /node-2\s+NotReady/.test(await cluster.kubectl("get", "nodes")),
      90_000,
    );
    await eventually(
      "three run elsewhere",
      async () => {
        const { items } = await cluster.json<PodList>("get", "pods", "-l", "app=mover");
        return items.filter((each) => each.status.phase === "Running" && each.spec.nodeName !== "node-2").length === 3;
      },
      60_000,
    );
    await cluster.knots("node", "start", "node-2");
    await cluster.kubectl("delete", "pods", "-l", "app=mover", "--wait=false");
    await eventually("node-2 is used again", async () => (await onNode2()) > 0);
  }, 300_000);

  test("what is deleted takes along what it owns; a namespace goes with all that is in it", async () => {
    await cluster.kubectl("delete", "-f", "examples/guestbook/", "--timeout=60s");
    await eventually(
      "no pod is left",
      async () => (await cluster.json<PodList>("get", "pods", "-l", "app=guestbook")).items.length === 0,
    );
    await cluster.kubectl("create", "namespace", "going");
    await cluster.kubectl("run", "inside", "-n", "going", "--image=nginx:1.22");
    await cluster.kubectl("delete", "namespace", "going", "--timeout=60s");
  }, 120_000);
});
