import type { Container, Pod } from "@knots/api/core/v1";
import { expect, test } from "vitest";
import { extendedClaim, requestsAndMappings } from "./extended-claim.ts";

const CLASSES = new Map([
  ["x.io/gpu", "gpus"],
  ["x.io/nic", "nics"],
]);
const classOf = (resource: string) => {
  const name = CLASSES.get(resource);
  return name === undefined ? undefined : { metadata: { name }, spec: {} };
};

const container = (name: string, requests: Record<string, string>): Container => ({ name, resources: { requests } });
const sidecar = (name: string, requests: Record<string, string>): Container => ({
  ...container(name, requests),
  restartPolicy: "Always",
});

/** "request: count class", and "container resource request". */
function read(init: Container[], containers: Container[], resources = [...CLASSES.keys()]): [string[], string[]] {
  const pod: Pod = { spec: { initContainers: init, containers } };
  const { requests, mappings } = requestsAndMappings(pod, resources, classOf);
  return [
    requests.map(({ name, exactly }) => `${name}: ${exactly?.count} ${exactly?.deviceClassName}`),
    mappings.map(({ containerName, resourceName, requestName }) => `${containerName} ${resourceName} ${requestName}`),
  ];
}

test.each<[string, Container[], Container[], string[], string[]]>([
  [
    "one container",
    [],
    [container("a", { "x.io/gpu": "2" })],
    ["container-0-request-0: 2 gpus"],
    ["a x.io/gpu container-0-request-0"],
  ],
  [
    "the index is that among all the container's requests",
    [],
    [container("a", { memory: "1Gi", "x.io/gpu": "2", cpu: "1" })],
    ["container-0-request-2: 2 gpus"],
    ["a x.io/gpu container-0-request-2"],
  ],
  [
    "two resources in two containers",
    [],
    [container("a", { "x.io/gpu": "1", "x.io/nic": "1" }), container("b", { "x.io/nic": "3" })],
    ["container-0-request-0: 1 gpus", "container-0-request-1: 1 nics", "container-1-request-0: 3 nics"],
    ["a x.io/gpu container-0-request-0", "a x.io/nic container-0-request-1", "b x.io/nic container-1-request-0"],
  ],
  ["none wanted", [], [container("a", { "x.io/gpu": "0" }), container("b", {})], [], []],
  [
    "an init container has what the containers will have",
    [container("i", { "x.io/gpu": "1" })],
    [container("a", { "x.io/gpu": "2" })],
    ["container-1-request-0: 2 gpus"],
    ["a x.io/gpu container-1-request-0", "i x.io/gpu container-1-request-0"],
  ],
  [
    "and more where that is not enough",
    [container("i", { "x.io/gpu": "3" })],
    [container("a", { "x.io/gpu": "2" })],
    ["container-0-request-0: 1 gpus", "container-1-request-0: 2 gpus"],
    ["a x.io/gpu container-1-request-0", "i x.io/gpu container-1-request-0", "i x.io/gpu container-0-request-0"],
  ],
  [
    "init containers share what the hungriest of them needs",
    [container("i", { "x.io/gpu": "1" }), container("j", { "x.io/gpu": "4" })],
    [container("a", {})],
    ["container-1-request-0: 4 gpus"],
    ["i x.io/gpu container-1-request-0", "j x.io/gpu container-1-request-0"],
  ],
  [
    "a sidecar's are its own, but for those before it",
    [container("i", { "x.io/gpu": "1" }), sidecar("s", { "x.io/gpu": "1" }), container("j", { "x.io/gpu": "1" })],
    [container("a", {})],
    ["container-1-request-0: 1 gpus", "container-2-request-0: 1 gpus"],
    ["s x.io/gpu container-1-request-0", "i x.io/gpu container-1-request-0", "j x.io/gpu container-2-request-0"],
  ],
])("%s", (_what, init, containers, requests, mappings) => {
  expect(read(init, containers)).toEqual([requests, mappings]);
});

test("only for resources that the node does not offer", () => {
  const containers = [container("a", { "x.io/gpu": "1", "x.io/nic": "1" })];
  expect(read([], containers, ["x.io/nic"])).toEqual([
    ["container-0-request-1: 1 nics"],
    ["a x.io/nic container-0-request-1"],
  ]);
});

test("the claim is the pod's", () => {
  const pod: Pod = { metadata: { name: "p", namespace: "ns", uid: "u" } };
  expect(extendedClaim(pod, []).metadata).toEqual({
    name: "<extended-resources>",
    generateName: "p-extended-resources-",
    namespace: "ns",
    annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
    ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true }],
  });
});
