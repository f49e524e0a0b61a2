import type { Pod, Volume } from "@knots/api/core/v1";
import { expect, test } from "vitest";
import { ephemeralClaim } from "./controller.ts";

test("a claim as the template says, the pod's own", () => {
  const volume: Volume = {
    name: "scratch",
    ephemeral: {
      volumeClaimTemplate: {
        metadata: { labels: { a: "b" }, annotations: { c: "d" } },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
    },
  };
  const pod: Pod = { metadata: { name: "p", namespace: "ns", uid: "u" } };
  expect(ephemeralClaim(pod, volume)).toEqual({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: "p-scratch",
      namespace: "ns",
      labels: { a: "b" },
      annotations: { c: "d" },
      ownerReferences: [
        { apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });
});
