import type { Pod } from "@knots/api/core/v1";
import type { ResourceClaim } from "@knots/api/resource/v1";
import { describe, expect, it } from "vitest";
import { claimBaseName, claimFromTemplate, hasClaims, knownClaimNames, withUsers } from "./claims.ts";

const pod: Pod = { metadata: { name: "p", namespace: "ns", uid: "u" } };

it.each([
  ["web", "gpu", "web-gpu-"],
  ["p".repeat(50), "gpu", `${"p".repeat(50)}-gpu-`],
  ["p".repeat(60), "c".repeat(10), `${"p".repeat(47)}-${"c".repeat(7)}`],
])("the claim of %s and %s is named %s…", (ofPod, ofClaim, expected) => {
  expect(claimBaseName(ofPod, ofClaim)).toBe(expected);
});

it("a claim is as its template says, and the pod's own", () => {
  const template = {
    metadata: { name: "t" },
    spec: {
      metadata: { labels: { a: "b" }, annotations: { c: "d" } },
      spec: { devices: { requests: [{ name: "r" }] } },
    },
  };
  expect(claimFromTemplate(pod, { name: "gpu", resourceClaimTemplateName: "t" }, template)).toEqual({
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: {
      generateName: "p-gpu-",
      namespace: "ns",
      labels: { a: "b" },
      annotations: { c: "d", "resource.kubernetes.io/pod-claim-name": "gpu" },
      ownerReferences: [
        { apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: { devices: { requests: [{ name: "r" }] } },
  });
});

it("knows claims by name, and generated ones once the status has them", () => {
  const resourceClaims = [
    { name: "a", resourceClaimName: "x" },
    { name: "b", resourceClaimTemplateName: "t" },
    { name: "c", resourceClaimTemplateName: "t" },
    { name: "d", resourceClaimTemplateName: "t" },
    { name: "e" },
  ];
  const resourceClaimStatuses = [{ name: "b", resourceClaimName: "p-b-1" }, { name: "d" }];
  expect(
    knownClaimNames({ ...pod, spec: { containers: [], resourceClaims }, status: { resourceClaimStatuses } }),
  ).toEqual(["x", "p-b-1"]);
  const extendedResourceClaimStatus = { resourceClaimName: "p-extended-resources-1", requestMappings: [] };
  const extended: Pod = { ...pod, spec: { containers: [] }, status: { extendedResourceClaimStatus } };
  expect([knownClaimNames(extended), hasClaims(extended)]).toEqual([["p-extended-resources-1"], true]);
});

describe("withUsers", () => {
  const [a, b] = ["a", "b"].map((name) => ({ resource: "pods", name, uid: name }));
  const claim: ResourceClaim = {
    spec: {},
    status: { allocation: {}, devices: [], reservedFor: [a, b].flatMap((each) => each ?? []) },
  };
  it("keeps the allocation while somebody is left", () => {
    expect(withUsers(claim, b === undefined ? [] : [b]).status).toEqual({
      allocation: {},
      devices: [],
      reservedFor: [b],
    });
  });
  it("gives it back with the last", () => {
    expect(withUsers(claim, []).status).toEqual({});
  });
});
