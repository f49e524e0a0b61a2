import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMemoryStore } from "@knots/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAdmissionConfig } from "../src/admission/plugins/config-file.ts";
import { ApiServer } from "../src/server.ts";
import { Harness } from "./harness.ts";
import type { Json } from "./harness.ts";

const NS = "/api/v1/namespaces/default";
const CLAIMS = `${NS}/persistentvolumeclaims`;
const pod = (name: string, spec: object = {}): Json => ({
  metadata: { name },
  spec: { containers: [{ name: "c", image: "nginx:1.27" }], ...spec },
});

let api: Harness;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "knots-admission-"));
  const file = join(folder, "admission.yaml");
  writeFileSync(
    file,
    "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: PodSecurity\n  path: pod-security.yaml\n",
  );
  writeFileSync(
    join(folder, "pod-security.yaml"),
    "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\ndefaults: {enforce: baseline}\nexemptions: {namespaces: [kube-system]}\n",
  );
  api = await Harness.start({
    server: {
      enableAdmissionPlugins: ["DenyServiceExternalIPs", "AlwaysPullImages", "PodSecurity"],
      disableAdmissionPlugins: ["DefaultTolerationSeconds"],
      admissionConfig: await readAdmissionConfig(file),
    },
  });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("the choice of admission plug-ins", () => {
  it("runs those that are enabled and not those that are disabled", async () => {
    const { body } = await api.post(`${NS}/pods`, pod("plain"));
    expect(body.spec.containers[0].imagePullPolicy).toBe("Always");
    expect(body.spec.tolerations).toBeUndefined();
  });

  it("refuses names that it does not know, or that stand in both lists", () => {
    const make = (options: object): ApiServer =>
      new ApiServer({ store: openMemoryStore(), securePort: 0, bindAddress: "127.0.0.1", ...options });
    expect(() => make({ enableAdmissionPlugins: ["Nonsense"] })).toThrow(
      'enable-admission-plugins plugin "Nonsense" is unknown',
    );
    expect(() => make({ disableAdmissionPlugins: ["Nonsense"] })).toThrow(
      'disable-admission-plugins plugin "Nonsense" is unknown',
    );
    expect(() => make({ enableAdmissionPlugins: ["Priority"], disableAdmissionPlugins: ["Priority"] })).toThrow(
      "[Priority] in enable-admission-plugins and disable-admission-plugins overlapped",
    );
  });

  it("reads the configuration of PodSecurity from files", async () => {
    const refused = await api.post(`${NS}/pods`, pod("host", { hostNetwork: true }));
    expect(refused.status).toBe(403);
    expect(refused.body.message).toContain('violates PodSecurity "baseline:latest": host namespaces');
    await api.post("/api/v1/namespaces/kube-system/serviceaccounts", { metadata: { name: "default" } });
    const exempt = await api.post("/api/v1/namespaces/kube-system/pods", pod("host", { hostNetwork: true }));
    expect(exempt.status).toBe(201);
    writeFileSync(join(folder, "wrong.yaml"), "kind: Nonsense\n");
    await expect(readAdmissionConfig(join(folder, "wrong.yaml"))).rejects.toThrow(/wrong\.yaml: expected apiserver/);
  });
});

describe("DenyServiceExternalIPs", () => {
  it("lets nobody add addresses", async () => {
    const service = (externalIPs: string[]): Json => ({
      metadata: { name: "ext" },
      spec: { ports: [{ port: 80 }], externalIPs },
    });
    const refused = await api.post(`${NS}/services`, service(["192.0.2.1"]));
    expect(refused.status).toBe(403);
    expect(refused.body.message).toBe(
      'services "ext" is forbidden: Use of external IPs is denied by admission control',
    );
    expect((await api.post(`${NS}/services`, service([]))).status).toBe(201);
    const path = `${NS}/services/ext`;
    expect((await api.patch(path, { spec: { externalIPs: ["192.0.2.1"] } })).status).toBe(403);
  });
});

describe("PersistentVolumeClaimResize", () => {
  const grow = (name: string, storage: string): ReturnType<Harness["patch"]> =>
    api.patch(`${CLAIMS}/${name}`, { spec: { resources: { requests: { storage } } } });

  it("lets bound claims of classes that allow it grow", async () => {
    const classes = "/apis/storage.k8s.io/v1/storageclasses";
    for (const [name, allowVolumeExpansion] of [
      ["grows", true],
      ["stays", false],
    ] as const) {
      await api.post(classes, { metadata: { name }, provisioner: "example.com/p", allowVolumeExpansion });
      const spec = {
        accessModes: ["ReadWriteOnce"],
        storageClassName: name,
        resources: { requests: { storage: "1Gi" } },
        volumeName: "pv",
      };
      await api.post(CLAIMS, { metadata: { name }, spec });
      // Validation, which comes before the plug-in, lets no pending claim grow.
      expect((await grow(name, "2Gi")).status).toBe(422);
      const bound = { status: { phase: "Bound", capacity: { storage: "1Gi" } } };
      expect((await api.patch(`${CLAIMS}/${name}/status`, bound)).status).toBe(200);
    }
    expect((await grow("grows", "2Gi")).status).toBe(200);
    expect((await grow("stays", "2Gi")).body.message).toMatch(
      /only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize$/,
    );
  });
});

describe("PodTopologyLabels", () => {
  it("gives a pod its node's zone and region when it is bound", async () => {
    const labels = { "topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r1", other: "x" };
    await api.post("/api/v1/nodes", { metadata: { name: "zoned", labels } });
    await api.post(`${NS}/pods`, pod("bound"));
    const target = { kind: "Node", name: "zoned" };
    const binding = await api.post(`${NS}/pods/bound/binding`, { metadata: { name: "bound" }, target });
    expect(binding.status).toBe(201);
    const { body } = await api.get(`${NS}/pods/bound`);
    expect(body.spec.nodeName).toBe("zoned");
    expect(body.metadata.labels).toEqual({
      "topology.kubernetes.io/zone": "z1",
      "topology.kubernetes.io/region": "r1",
    });
  });
});
