// What goes wrong with a cluster says so in a sentence with the next step, and leaves nothing half done.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunNodes, eventually, ROOT, TestCluster } from "./cluster.ts";

describe.skipIf(!canRunNodes)("trouble", () => {
  const cluster = new TestCluster("trouble");
  const dataDir = join(process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"), "knots", "trouble");
  beforeAll(async () => {
    // Built once, so that nothing but the answer is on standard error.
    await cluster.run("./knots", ["--version"], { timeoutMs: 300_000 });
  }, 300_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  }, 120_000);

  test("who is not root is told", async ({ skip }) => {
    const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const reaches = await cluster.run("setpriv", [...asNobody, "cat", join(ROOT, "dist", "knots.mjs")]);
    if (reaches.code !== 0) skip("nobody cannot read this folder");
    const up = await cluster.run("setpriv", [...asNobody, "./knots", "up", "--name", "trouble"]);
    expect(up.code).toBe(1);
    expect(up.stderr).toBe("knots: a node needs root (namespaces, mounts, kernel rules). Run it again with sudo.\n");
  });

  test("a port of the node's own parts is refused; commands on no cluster say how to get one", async () => {
    const up = await cluster.run("./knots", ["up", "--name", "trouble", "--api-port", "10250"]);
    expect(up.stderr).toBe("knots: port 10250 is the kubelet's; choose another with --api-port.\n");
    const stop = await cluster.run("./knots", ["node", "stop", "node-1", "--name", "trouble"]);
    expect(stop.stderr).toMatch(/there is no cluster trouble in .*\. Start one with: knots up --name trouble\n/);
    expect(existsSync(dataDir)).toBe(false);
  });

  test("an interrupted up is completed by the next, whatever else listens on this machine", async () => {
    // Where the nodes' way to registries would be.
    const squid = createServer();
    await new Promise<void>((resolve, reject) => {
      squid.once("error", () => resolve());
      squid.listen(3128, "0.0.0.0", resolve);
      setTimeout(reject, 5_000).unref();
    });
    const first = spawn("./knots", ["up", "--name", "trouble"], { cwd: ROOT, env: cluster.env, stdio: "ignore" });
    const ended = new Promise((resolve) => first.once("exit", resolve));
    await eventually("the start has begun", () => Promise.resolve(existsSync(join(dataDir, "pki", "ca.crt"))));
    first.kill("SIGKILL");
    await ended;
    expect(JSON.parse(readFileSync(join(dataDir, "cluster.json"), "utf8"))).toMatchObject({ complete: false });
    expect(await cluster.knots("up")).toContain("Completing cluster trouble, whose start was interrupted.");
    expect(await cluster.kubectl("get", "nodes")).toMatch(/node-1\s+Ready/);
    await new Promise((resolve) => squid.close(resolve));
  }, 120_000);

  test("a second up of a running cluster changes nothing, one of another size says what to do", async () => {
    const before = await cluster.knots("status", "--output", "json");
    await cluster.knots("up");
    const pids = (status: string): unknown =>
      (JSON.parse(status) as { processes: { pid: number }[] }).processes.map(({ pid }) => pid);
    expect(pids(await cluster.knots("status", "--output", "json"))).toEqual(pids(before));
    const more = await cluster.run("./knots", ["up", "--name", "trouble", "--nodes", "3"]);
    expect(more.stderr).toBe('knots: cluster trouble has 1 nodes already; use "knots node add" or "knots node rm".\n');
  });

  test("a manifest of a wrong type says where", async () => {
    const apply = async (spec: string): Promise<string> => {
      const input = `apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: ${spec}\n`;
      return (await cluster.run("kubectl", ["apply", "--validate=false", "-f", "-"], { input })).stderr;
    };
    expect(await apply("{containers: [{name: a, image: b, ports: 5}]}")).toContain(
      "json: cannot unmarshal number into Go struct field Container.spec.containers.ports of type []v1.ContainerPort",
    );
    expect(await apply("{containers: [{name: A_, image: b}], restartPolicy: Often}")).toMatch(
      /\* spec\.restartPolicy: Unsupported value: "Often": supported values: "Always", "OnFailure", "Never"/,
    );
  });

  test("down ends a cluster whose down was killed", async () => {
    const first = spawn("./knots", ["down", "--name", "trouble"], { cwd: ROOT, env: cluster.env, stdio: "ignore" });
    const ended = new Promise((resolve) => first.once("exit", resolve));
    await eventually("it has begun", () => Promise.resolve(!existsSync(join(dataDir, "run", "supervisor.pid"))));
    first.kill("SIGKILL");
    await ended;
    await cluster.knots("down");
    expect(existsSync(dataDir)).toBe(false);
    expect(existsSync("/run/netns/knots-trouble-node-1")).toBe(false);
  }, 120_000);
});
