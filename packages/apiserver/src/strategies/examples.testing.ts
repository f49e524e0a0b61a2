export const meta = { name: "web", namespace: "default" };
export const template = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "c", image: "nginx:1" }] },
};
export const selector = { matchLabels: { app: "web" } };

/** A body of each kind that is as short as the rules allow. */
export const GOOD: Readonly<Record<string, [group: string, body: object]>> = {
  deployments: ["apps", { metadata: meta, spec: { selector, template } }],
  replicasets: ["apps", { metadata: meta, spec: { selector, template } }],
  statefulsets: ["apps", { metadata: meta, spec: { serviceName: "web", selector, template } }],
  daemonsets: ["apps", { metadata: meta, spec: { selector, template } }],
  jobs: [
    "batch",
    { metadata: { ...meta, uid: "u-1" }, spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } },
  ],
  cronjobs: [
    "batch",
    {
      metadata: meta,
      spec: {
        schedule: "*/5 * * * *",
        jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } },
      },
    },
  ],
  services: ["", { metadata: meta, spec: { selector: { app: "web" }, ports: [{ port: 80 }] } }],
  configmaps: ["", { metadata: meta, data: { "a.conf": "x" } }],
  secrets: ["", { metadata: meta, stringData: { password: "p" } }],
  namespaces: ["", { metadata: { name: "team" } }],
  nodes: ["", { metadata: { name: "node-1" }, status: { capacity: { cpu: "2" } } }],
  persistentvolumeclaims: [
    "",
    { metadata: meta, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
  ],
  persistentvolumes: [
    "",
    {
      metadata: { name: "v" },
      spec: { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, hostPath: { path: "/x" } },
    },
  ],
  storageclasses: ["storage.k8s.io", { metadata: { name: "fast" }, provisioner: "example.com/fast" }],
  endpointslices: [
    "discovery.k8s.io",
    { metadata: meta, addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"] }], ports: [{ port: 80 }] },
  ],
  roles: [
    "rbac.authorization.k8s.io",
    {
      metadata: { name: "a:b", namespace: "default" },
      rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
    },
  ],
  clusterrolebindings: [
    "rbac.authorization.k8s.io",
    {
      metadata: { name: "b" },
      roleRef: { kind: "ClusterRole", name: "admin" },
      subjects: [{ kind: "User", name: "jane" }],
    },
  ],
  poddisruptionbudgets: ["policy", { metadata: meta, spec: { selector, minAvailable: "50%" } }],
  ingresses: [
    "networking.k8s.io",
    { metadata: meta, spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } } },
  ],
  networkpolicies: [
    "networking.k8s.io",
    { metadata: meta, spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] } },
  ],
  priorityclasses: ["scheduling.k8s.io", { metadata: { name: "high" }, value: 1000 }],
  leases: ["coordination.k8s.io", { metadata: meta, spec: { leaseDurationSeconds: 15 } }],
  horizontalpodautoscalers: [
    "autoscaling",
    { metadata: meta, spec: { maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "web" } } },
  ],
};
