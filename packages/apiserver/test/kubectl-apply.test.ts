// What kubectl does with managed fields, against a real server; where kubectl is installed.
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness } from "./harness.ts";
import type { Json } from "./harness.ts";

const installed = spawnSync("kubectl", ["version", "--client"]).status === 0;

let server: Harness;
let directory: string;

beforeAll(async () => {
  if (!installed) return;
  server = await Harness.start();
  directory = await mkdtemp(join(tmpdir(), "kubectl-apply-"));
  const { server: url, caData, clientCertData, clientKeyData } = server.server.loopbackConfig;
  const base64 = (pem: unknown): string => Buffer.from(String(pem)).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server: url, "certificate-authority-data": base64(caData) } }],
    users: [
      {
        name: "test",
        user: { "client-certificate-data": base64(clientCertData), "client-key-data": base64(clientKeyData) },
      },
    ],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
  };
  await writeFile(join(directory, "config"), JSON.stringify(config));
});
afterAll(async () => {
  if (!installed) return;
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function kubectl(args: readonly string[], object?: object): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      "kubectl",
      args,
      { env: { ...process.env, KUBECONFIG: join(directory, "config"), HOME: directory } },
      (error, out, err) => resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, out, err }),
    );
    child.stdin?.end(object === undefined ? "" : JSON.stringify(object));
  });
}

const deployment = (name: string, replicas: number, image = "nginx"): Json => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "default" },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image }] } },
  },
});

/** By name: entries lie by their time first, which is in seconds. */
const managers = async (name: string): Promise<[string, string][]> => {
  const { body } = await server.get(`/apis/apps/v1/namespaces/default/deployments/${name}`);
  const found: [string, string][] = body.metadata.managedFields.map(({ manager, operation }: Json) => [
    manager,
    operation,
  ]);
  return found.toSorted(([a], [b]) => (a < b ? -1 : 1));
};

describe.skipIf(!installed)("kubectl", { timeout: 120_000 }, () => {
  it("applies on the server's side, meets conflicts, and forces them", async () => {
    const apply = ["apply", "--server-side", "-f", "-"];
    const created = await kubectl(apply, deployment("web", 1));
    expect(created).toMatchObject({ code: 0, out: "deployment.apps/web serverside-applied\n" });
    expect(await managers("web")).toEqual([["kubectl", "Apply"]]);
    expect((await kubectl(["scale", "deployment/web", "--replicas=4"])).code).toBe(0);
    const refused = await kubectl(apply, deployment("web", 1));
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(
      'error: Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
    );
    expect(refused.err).toContain("--force-conflicts");
    expect((await kubectl([...apply, "--force-conflicts"], deployment("web", 1))).code).toBe(0);
    expect(await managers("web")).toEqual([["kubectl", "Apply"]]);
  });

  it("moves from client-side to server-side apply", async () => {
    expect((await kubectl(["apply", "-f", "-"], deployment("moves", 1))).code).toBe(0);
    expect(await managers("moves")).toEqual([["kubectl-client-side-apply", "Update"]]);
    const applied = await kubectl(["apply", "--server-side", "-f", "-"], deployment("moves", 2));
    expect(applied).toMatchObject({ code: 0 });
    const { body } = await server.get("/apis/apps/v1/namespaces/default/deployments/moves");
    expect(body.spec.replicas).toBe(2);
    const last = body.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"];
    expect(JSON.parse(last).spec.replicas).toBe(2);
    // kubectl hands the fields of its client-side applies over to the server-side one; the annotation stays somebody's.
    expect(await managers("moves")).toEqual([
      ["kubectl", "Apply"],
      ["kubectl-last-applied", "Apply"],
    ]);
    // And back: client-side apply still finds its annotation.
    expect((await kubectl(["apply", "-f", "-"], deployment("moves", 3))).code).toBe(0);
  });

  it("shows what a server-side apply would change", async () => {
    await kubectl(["apply", "--server-side", "-f", "-"], deployment("differs", 1));
    const same = await kubectl(["diff", "--server-side", "-f", "-"], deployment("differs", 1));
    expect([same.code, same.out]).toEqual([0, ""]);
    const diff = await kubectl(["diff", "--server-side", "-f", "-"], deployment("differs", 5));
    expect(diff.code).toBe(1);
    expect(diff.out).toMatch(/^-\s+replicas: 1$/m);
    expect(diff.out).toMatch(/^\+\s+replicas: 5$/m);
  });

  it("shows managed fields when asked, and only then", async () => {
    await kubectl(["apply", "--server-side", "--field-manager=mine", "-f", "-"], deployment("shown", 1));
    const get = ["get", "deployment", "shown", "-o", "yaml"];
    expect((await kubectl(get)).out).not.toContain("managedFields");
    const { out } = await kubectl([...get, "--show-managed-fields"]);
    expect(out).toContain("manager: mine");
    expect(out).toContain(`k:{"name":"c"}`);
  });

  it("sets and edits with a manager's name of its own", async () => {
    await kubectl(["create", "-f", "-"], deployment("set", 1));
    await kubectl(["set", "image", "deployment/set", "c=nginx:2"]);
    expect(await managers("set")).toEqual([
      ["kubectl-create", "Update"],
      ["kubectl-set", "Update"],
    ]);
  });
});
