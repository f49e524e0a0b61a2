// What the benchmark writes: bodies as Deployments' pods and applications' ConfigMaps really are. "%NAME%" is replaced by a fresh name.

/** About 1.5 kB as sent, 3 kB as stored. */
export const POD = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "%NAME%",
    labels: { app: "web", "pod-template-hash": "6d4cf56db6", "app.kubernetes.io/part-of": "shop" },
    annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "8080" },
    ownerReferences: [
      {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        name: "web-6d4cf56db6",
        uid: "5c1d7e2f-3f0b-4c89-9d6e-7a8b2c3d4e5f",
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  },
  spec: {
    containers: [
      {
        name: "web",
        image: "registry.example.com/shop/web:1.27.3",
        args: ["--listen=:8080", "--log-format=json"],
        ports: [
          { name: "http", containerPort: 8080 },
          { name: "metrics", containerPort: 9090 },
        ],
        env: [
          { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "DATABASE_HOST", value: "postgres.shop.svc.cluster.local" },
          { name: "LOG_LEVEL", value: "info" },
        ],
        resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
        readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 5 },
        livenessProbe: { httpGet: { path: "/live", port: "http" }, initialDelaySeconds: 10 },
        volumeMounts: [{ name: "config", mountPath: "/etc/web", readOnly: true }],
      },
      {
        name: "sidecar",
        image: "registry.example.com/mesh/proxy:2.4.0",
        args: ["proxy", "sidecar"],
        ports: [{ name: "admin", containerPort: 15000 }],
        resources: { requests: { cpu: "10m", memory: "40Mi" } },
      },
    ],
    volumes: [{ name: "config", configMap: { name: "web-config" } }],
    nodeSelector: { "kubernetes.io/os": "linux" },
  },
});

export const CONFIG_MAP = JSON.stringify({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "%NAME%", labels: { app: "web", "app.kubernetes.io/part-of": "shop" } },
  data: {
    "application.properties":
      "server.port=8080\nspring.datasource.url=jdbc:postgresql://postgres/shop\nlog.level=info\n",
    "feature-flags.json": '{"checkout":"v2","recommendations":true,"beta":["search"]}',
  },
});
