import type { PersistentVolume, Pod } from "@knots/api/core/v1";
import type { KubeObject, ResourceType } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { ObjectSource } from "../registry/object-source.ts";
import { NodeReferences } from "./node-references.ts";

const pod = (name: string, spec: object, more: object = {}): Pod =>
  ({ metadata: { name, namespace: "a" }, spec: { containers: [], nodeName: "n1", ...spec }, ...more }) as Pod;

const env = { name: "E", valueFrom: { secretKeyRef: { name: "env", key: "k" } } };
const objects: Readonly<Record<string, readonly KubeObject[]>> = {
  pods: [
    pod(
      "user",
      {
        serviceAccountName: "robot",
        imagePullSecrets: [{ name: "pull" }],
        initContainers: [{ name: "i", env: [env] }],
        containers: [{ name: "c", envFrom: [{ secretRef: { name: "from" } }, { configMapRef: { name: "map-from" } }] }],
        volumes: [
          { name: "s", secret: { secretName: "mounted" } },
          { name: "z", azureFile: { secretName: "azure", shareName: "x" } },
          { name: "p", projected: { sources: [{ secret: { name: "projected" } }, { configMap: { name: "map" } }] } },
          { name: "c", csi: { driver: "d", nodePublishSecretRef: { name: "inline" } } },
          { name: "claim", persistentVolumeClaim: { claimName: "claim" } },
          { name: "scratch", ephemeral: { volumeClaimTemplate: { spec: {} } } },
        ],
        resourceClaims: [
          { name: "gpu", resourceClaimName: "named" },
          { name: "t", resourceClaimTemplateName: "template" },
        ],
      },
      {
        status: {
          resourceClaimStatuses: [{ name: "t", resourceClaimName: "made" }],
          extendedResourceClaimStatus: { resourceClaimName: "extended", requestMappings: [] },
        },
      },
    ),
    pod("elsewhere", { nodeName: "n2", imagePullSecrets: [{ name: "theirs" }], serviceAccountName: "other" }),
    pod(
      "mirror",
      {
        imagePullSecrets: [{ name: "claimed" }],
        volumes: [{ name: "v", persistentVolumeClaim: { claimName: "free" } }],
      },
      {
        metadata: { name: "mirror", namespace: "a", annotations: { "kubernetes.io/config.mirror": "x" } },
      },
    ),
  ],
  persistentvolumes: [
    {
      metadata: { name: "bound" },
      spec: {
        claimRef: { namespace: "a", name: "claim" },
        csi: {
          driver: "d",
          volumeHandle: "h",
          nodeStageSecretRef: { namespace: "vault", name: "stage" },
          controllerPublishSecretRef: { namespace: "vault", name: "controller" },
        },
      },
    } as PersistentVolume,
    {
      metadata: { name: "old" },
      spec: { claimRef: { namespace: "a", name: "a-scratch" }, azureFile: { shareName: "x", secretName: "share" } },
    } as PersistentVolume,
    {
      metadata: { name: "scratch" },
      spec: { claimRef: { namespace: "a", name: "user-scratch" }, rbd: { secretRef: { name: "rbd" } } },
    } as unknown as PersistentVolume,
    { metadata: { name: "unbound" }, spec: {} } as PersistentVolume,
  ],
  volumeattachments: [
    { metadata: { name: "here" }, spec: { nodeName: "n1" } } as KubeObject,
    { metadata: { name: "there" }, spec: { nodeName: "n2" } } as KubeObject,
  ],
  resourceslices: [
    { metadata: { name: "here" }, spec: { nodeName: "n1" } } as KubeObject,
    { metadata: { name: "shared" }, spec: { allNodes: true } } as KubeObject,
  ],
};
const source: ObjectSource = {
  get: (type, namespace, name) => listed(type, namespace).find(({ metadata }) => metadata?.name === name) as never,
  list: (type, namespace) => listed(type, namespace) as never,
  subscribe: () => ({ [Symbol.dispose]: () => undefined }),
};
function listed({ resource }: ResourceType, namespace: string | undefined): readonly KubeObject[] {
  return (objects[resource] ?? []).filter(
    ({ metadata }) => namespace === undefined || metadata?.namespace === namespace,
  );
}

describe("what has to do with a node", () => {
  const references = new NodeReferences(source);
  const among = (is: (name: string) => boolean, names: string): string => names.split(" ").filter(is).join(" ");
  type Kind = Exclude<keyof NodeReferences, never>;

  it.each<[Kind, string, string, string]>([
    ["pod", "a", "user elsewhere mirror none", "user mirror"],
    [
      "secret",
      "a",
      "pull env from mounted azure projected inline theirs claimed none",
      "pull env from mounted azure projected inline",
    ],
    ["secret", "b", "pull", ""],
    ["secret", "vault", "stage controller", "stage"],
    ["secret", "a", "rbd share", "rbd"],
    ["configMap", "a", "map map-from pull", "map map-from"],
    ["serviceAccount", "a", "robot other default", "robot"],
    ["persistentVolumeClaim", "a", "claim user-scratch free a-scratch", "claim user-scratch"],
    ["persistentVolume", "", "bound scratch old unbound none", "bound scratch"],
    ["resourceClaim", "a", "named made extended template", "named made extended"],
    ["volumeAttachment", "", "here there none", "here"],
    ["resourceSlice", "", "here shared none", "here"],
  ])("%s in %j of %s: %s", (kind, namespace, names, expected) => {
    expect(among((name) => references[kind]("n1", namespace, name), names)).toBe(expected);
  });
});
