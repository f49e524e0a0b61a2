// The controllers as the user they are in a cluster: what upstream's roles give must be enough for each.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ApiServer } from "@knots/apiserver";
import { deployments } from "@knots/api/apps/v1";
import { horizontalPodAutoscalers } from "@knots/api/autoscaling/v2";
import { certificateSigningRequests } from "@knots/api/certificates/v1";
import {
  endpoints,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  resourceQuotas,
  secrets,
  services,
} from "@knots/api/core/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import { resourceClaims, resourceClaimTemplates } from "@knots/api/resource/v1";
import { clusterRoles } from "@knots/api/rbac/v1";
import { Client } from "@knots/client";
import { ControllerManager } from "@knots/controllers";
import { isNotFound, newLogger, nullLogger, RealClock } from "@knots/machinery";
import { newCA, newServiceAccountKey } from "@knots/machinery/pki/index";
import { newCertificateRequest } from "@knots/machinery/pki/request";
import { openMemoryStore } from "@knots/store";

const USER = "system:kube-controller-manager";
const parts = new AsyncDisposableStack();
const lines: string[] = [];
let client: Client;

beforeAll(async () => {
  const clock = new RealClock();
  const directory = await mkdtemp(join(tmpdir(), "knots-rights-"));
  parts.defer(() => rm(directory, { recursive: true }));
  const tokenAuthFile = join(directory, "tokens.csv");
  await writeFile(tokenAuthFile, `secret-of-the-manager,${USER},1\n`);
  const serviceAccountKey = await newServiceAccountKey();
  const store = parts.use(openMemoryStore());
  const server = parts.use(
    new ApiServer({
      store,
      securePort: 0,
      bindAddress: "127.0.0.1",
      clock,
      logger: nullLogger,
      tokenAuthFile,
      serviceAccountKey,
    }),
  );
  await server.start();
  client = parts.use(new Client(server.loopbackConfig, { clock, logger: nullLogger }));
  const { server: url, caData = "" } = server.loopbackConfig;
  const asManager = parts.use(
    new Client({ server: url, caData, token: "secret-of-the-manager" }, { clock, logger: nullLogger }),
  );
  const logger = newLogger({ name: "manager", level: "debug", write: (line) => void lines.push(line) });
  const ca = await newCA("signer");
  await parts
    .use(
      new ControllerManager({
        client: asManager,
        clock,
        logger,
        options: {
          rootCA: ca.certPem,
          clusterSigningCert: ca.certPem,
          clusterSigningKey: ca.keyPem,
          serviceAccountPrivateKey: serviceAccountKey,
          clusterCIDRs: ["10.244.0.0/16"],
        },
      }),
    )
    .start();
});
afterAll(() => parts.disposeAsync());

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 50 });
const in_ = "default";

test("each controller does its work, and none is refused", async () => {
  await client.resource(nodes).create({ metadata: { name: "n" } });
  await client.resource(clusterRoles).create({
    metadata: { name: "widgets", labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
    rules: [{ verbs: ["get"], apiGroups: ["example.com"], resources: ["widgets"] }],
  });
  await client.resource(resourceQuotas, in_).create({ metadata: { name: "q" }, spec: { hard: { secrets: "9" } } });
  await client.resource(secrets, in_).create({
    metadata: { name: "token", annotations: { "kubernetes.io/service-account.name": "default" } },
    type: "kubernetes.io/service-account-token",
  });
  await client.resource(services, in_).create({ metadata: { name: "db" }, spec: { ports: [{ port: 1 }] } });
  await client
    .resource(endpoints, in_)
    .create({ metadata: { name: "db" }, subsets: [{ addresses: [{ ip: "10.1.2.3" }], ports: [{ port: 1 }] }] });
  const { request } = await newCertificateRequest({ commonName: "jane" });
  const csr = await client.resource(certificateSigningRequests).create({
    metadata: { name: "jane" },
    spec: {
      request: Buffer.from(request).toString("base64"),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
    },
  });
  const conditions = [{ type: "Approved", status: "True", reason: "Test" }];
  await client.resource(certificateSigningRequests).updateSubresource("approval", { ...csr, status: { conditions } });
  const storage = { accessModes: ["ReadWriteOnce"], storageClassName: "" };
  await client.resource(persistentVolumes).create({
    metadata: { name: "v" },
    spec: {
      ...storage,
      capacity: { storage: "1Gi" },
      persistentVolumeReclaimPolicy: "Retain",
      csi: { driver: "d", volumeHandle: "h" },
    },
  });
  await until(async () => {
    const { items } = await client.resource(pods, in_).list();
    expect(items).toEqual([]);
    // Pods need their account first.
    await client.request("GET", `/api/v1/namespaces/${in_}/serviceaccounts/default`);
  });
  await client.resource(pods, in_).create({
    metadata: { name: "p" },
    spec: {
      containers: [{ name: "c", image: "i" }],
      volumes: [
        {
          name: "scratch",
          ephemeral: {
            volumeClaimTemplate: { spec: { ...storage, resources: { requests: { storage: "1Gi" } } } },
          },
        },
      ],
    },
  });
  await client.resource(deployments, in_).create({
    metadata: { name: "web" },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  });
  await client.resource(horizontalPodAutoscalers, in_).create({
    metadata: { name: "web" },
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, maxReplicas: 2 },
  });

  await until(async () => {
    const view = await client.resource(clusterRoles).get("view");
    expect(view.rules?.some(({ resources }) => resources?.includes("widgets"))).toBe(true);
    expect((await client.resource(resourceQuotas, in_).get("q")).status?.used).toEqual({ secrets: "1" });
    expect((await client.resource(secrets, in_).get("token")).data?.["token"]).toBeDefined();
    const mirrored = (await client.resource(endpointSlices, in_).list()).items;
    expect(mirrored.some(({ metadata }) => metadata?.generateName === "db-")).toBe(true);
    expect((await client.resource(certificateSigningRequests).get("jane")).status?.certificate).toBeDefined();
    expect((await client.resource(persistentVolumeClaims, in_).get("p-scratch")).status?.phase).toBe("Bound");
    expect((await client.resource(deployments, in_).get("web")).spec?.replicas).toBe(2);
    const node = await client.resource(nodes).get("n");
    expect(node.metadata?.annotations?.["node.alpha.kubernetes.io/ttl"]).toBe("0");
  });

  // And back again: what is protected, owned or counted goes.
  await client.resource(pods, in_).delete("p", { gracePeriodSeconds: 0 });
  await client.resource(persistentVolumes).delete("v");
  await client.resource(secrets, in_).delete("token");
  await until(async () => {
    const claim = await client
      .resource(persistentVolumeClaims, in_)
      .get("p-scratch")
      .catch((error: unknown) => (isNotFound(error) ? undefined : error));
    expect(claim).toBeUndefined();
    const volume = await client
      .resource(persistentVolumes)
      .get("v")
      .catch((error: unknown) => (isNotFound(error) ? undefined : error));
    expect(volume).toBeUndefined();
    expect((await client.resource(resourceQuotas, in_).get("q")).status?.used).toEqual({ secrets: "0" });
  });
  expect(lines.some((line) => line.includes("controllers started"))).toBe(true);
  expect(lines.filter((line) => line.includes("forbidden"))).toEqual([]);
});

test("the claims of a pod are made and released, and nothing of it is refused", async () => {
  const claims = client.resource(resourceClaims, in_);
  await client.resource(resourceClaimTemplates, in_).create({
    metadata: { name: "t" },
    spec: { spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] } } },
  });
  const pod = await client.resource(pods, in_).create({
    metadata: { name: "claiming" },
    spec: {
      containers: [{ name: "c", image: "i" }],
      resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "t" }],
    },
  });
  let name = "";
  await until(async () => {
    const { status } = await client.resource(pods, in_).get("claiming");
    name = status?.resourceClaimStatuses?.[0]?.resourceClaimName ?? "";
    expect(name).not.toBe("");
  });
  // As a scheduler does.
  await claims.patch(
    name,
    { metadata: { finalizers: ["resource.kubernetes.io/delete-protection"] } },
    { type: "merge" },
  );
  const results = [{ request: "r", driver: "d", pool: "p", device: "x" }];
  const reservedFor = [{ resource: "pods", name: "claiming", uid: pod.metadata?.uid }];
  const status = { allocation: { devices: { results } }, reservedFor };
  await claims.patch(name, { status }, { type: "merge", subresource: "status" });
  await client
    .resource(pods, in_)
    .patch("claiming", { status: { phase: "Failed" } }, { type: "merge", subresource: "status" });
  await until(async () => expect((await claims.list()).items).toEqual([]));
  expect(lines.filter((line) => line.includes("forbidden"))).toEqual([]);
});
