import type { Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { slimPod } from "./slim-pod.ts";

const PORTS = [{ containerPort: 80, hostPort: 80 }];
const RESOURCES = { requests: { cpu: "1" } };
const pod: Pod = {
  metadata: { name: "a", namespace: "b", uid: "c", labels: { d: "e" }, managedFields: [{ manager: "kubectl" }] },
  spec: {
    nodeName: "node",
    priority: 7,
    tolerations: [{ operator: "Exists" }],
    affinity: { podAntiAffinity: {} },
    containers: [{ name: "main", image: "x", resources: RESOURCES, ports: PORTS, env: [{ name: "F", value: "g" }] }],
    initContainers: [{ name: "side", restartPolicy: "Always", resources: RESOURCES, command: ["x"] }],
    volumes: [
      { name: "claim", persistentVolumeClaim: { claimName: "data" } },
      { name: "disk", gcePersistentDisk: { pdName: "disk" } },
      { name: "token", projected: { sources: [] } },
      { name: "config", configMap: { name: "x" } },
    ],
  },
  status: {
    phase: "Running",
    startTime: "2026-01-01T00:00:00Z",
    conditions: [{ type: "Ready", status: "True" }],
    podIPs: [{ ip: "10.0.0.1" }],
    containerStatuses: [
      {
        name: "main",
        image: "x",
        imageID: "y",
        ready: true,
        restartCount: 1,
        allocatedResources: { cpu: "2" },
        state: { running: {} },
        lastState: {},
      },
    ],
  },
};

describe("slimPod", () => {
  it("keeps of a pod that has its node what others are placed by and what preemption needs", () => {
    expect(slimPod(pod)).toEqual({
      metadata: { name: "a", namespace: "b", uid: "c", labels: { d: "e" } },
      spec: {
        nodeName: "node",
        priority: 7,
        affinity: { podAntiAffinity: {} },
        containers: [{ name: "main", image: "x", resources: RESOURCES, ports: PORTS }],
        initContainers: [{ name: "side", restartPolicy: "Always", resources: RESOURCES }],
        volumes: pod.spec?.volumes?.slice(0, 2),
      },
      status: {
        phase: "Running",
        startTime: "2026-01-01T00:00:00Z",
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [
          { name: "main", image: "x", imageID: "y", ready: true, restartCount: 1, allocatedResources: { cpu: "2" } },
        ],
      },
    });
  });

  it("keeps all of one that waits", () => {
    const { nodeName: _, ...spec } = pod.spec ?? { containers: [] };
    const waiting = { ...pod, spec };
    const { managedFields: _fields, ...metadata } = pod.metadata ?? {};
    expect(slimPod(waiting)).toEqual({ ...waiting, metadata });
  });
});
