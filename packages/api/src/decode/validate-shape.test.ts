import { describe, expect, it } from "vitest";
import { schemaFor } from "../schema/api-schema.ts";
import { strictDecodingWarnings, validateShape } from "./validate-shape.ts";

const schemaOf = (group: string, kind: string) => {
  const schema = schemaFor({ group, version: "v1", kind });
  if (!schema) throw new Error(`no schema for ${kind}`);
  return schema;
};
const pods = schemaOf("", "Pod");

describe("validateShape", () => {
  it("drops unknown fields and names their paths", () => {
    const pod = { spec: { containers: [{ name: "c", foo: 1 }], bar: {} }, baz: 2 };
    const report = validateShape(pods, pod, { mode: "strict" });
    expect(report.unknownFields).toEqual(["spec.containers[0].foo", "spec.bar", "baz"]);
    expect(pod).not.toHaveProperty("baz");
    expect(pod.spec.containers[0]).not.toHaveProperty("foo");
  });

  it.each<[object, string]>([
    [{ metadata: { labels: "x" } }, "cannot restore map from string"],
    [{ metadata: { labels: { a: 1 } } }, "cannot convert int64 to string"],
    [{ metadata: { labels: { a: true } } }, "unrecognized type: string"],
    [{ metadata: { labels: { a: 1.5 } } }, "unrecognized type: string"],
    [{ spec: [] }, "cannot restore struct from: slice"],
    [{ spec: { containers: {} } }, "cannot restore slice from map"],
    [{ spec: { containers: [{ ports: [{ containerPort: "http" }] }] } }, "unrecognized type: int32"],
    [{ spec: { activeDeadlineSeconds: 1.5 } }, "cannot convert float64 to int64"],
    [{ spec: { hostNetwork: "true" } }, "unrecognized type: bool"],
    [{ spec: { restartPolicy: 1 } }, "cannot convert int64 to v1.RestartPolicy"],
  ])("speaks of %j as the converter does", (pod, text) => {
    expect(validateShape(pods, structuredClone(pod), { words: "converter" }).errors[0]).toBe(text);
  });

  it("stays silent in mode ignore, and still drops", () => {
    const pod = { baz: 2 };
    expect(validateShape(pods, pod, { mode: "ignore" }).unknownFields).toEqual([]);
    expect(pod).not.toHaveProperty("baz");
  });

  it.each([
    [
      { spec: { containers: "x" } },
      "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
    ],
    [
      { spec: { hostNetwork: "x" } },
      "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
    ],
    [
      { spec: { containers: [{ name: 1 }] } },
      "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string",
    ],
    [
      { metadata: { labels: { a: 1 } } },
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels.a of type string",
    ],
    [
      { spec: { priority: 1.5 } },
      "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32",
    ],
    [{ metadata: { creationTimestamp: 5 } }, "json: cannot unmarshal number into Go value of type string"],
  ])("words the wrong type in %j as Go does", (pod, message) => {
    expect(validateShape(pods, pod).errors[0]).toBe(message);
  });

  it("takes null for absent", () => {
    const pod = { metadata: { creationTimestamp: null, labels: null }, spec: { containers: null } };
    const report = validateShape(pods, pod);
    expect(report).toEqual({ unknownFields: [], errors: [] });
    expect(pod.metadata).toEqual({});
  });

  it("makes a null of a string map the empty string", () => {
    const map = { data: { a: null } };
    validateShape(schemaOf("", "ConfigMap"), map);
    expect(map.data).toEqual({ a: "" });
  });

  it("leaves out zero values where Go does, keeps them where pointers tell them apart", () => {
    const deployment = {
      spec: { replicas: 0, paused: false, minReadySeconds: 0, template: { spec: { nodeSelector: {} } } },
    };
    validateShape(schemaOf("apps", "Deployment"), deployment);
    expect(deployment.spec).toHaveProperty("replicas", 0);
    expect(deployment.spec).not.toHaveProperty("paused");
    expect(deployment.spec).not.toHaveProperty("minReadySeconds");
    expect(deployment.spec.template.spec).not.toHaveProperty("nodeSelector");
  });

  it("writes structs that always stand", () => {
    const pod: Record<string, unknown> = {};
    validateShape(pods, pod);
    expect(pod).toMatchObject({ metadata: {}, spec: {}, status: {} });
  });

  it("canonicalises times and durations", () => {
    const lease = {
      spec: { renewTime: "2026-01-02T05:04:05.5+02:00" },
      metadata: { creationTimestamp: "2026-01-02T03:04:05.9Z" },
    };
    validateShape(schemaOf("coordination.k8s.io", "Lease"), lease);
    expect(lease.spec.renewTime).toBe("2026-01-02T03:04:05.500000Z");
    expect(lease.metadata.creationTimestamp).toBe("2026-01-02T03:04:05Z");
  });

  it("keeps what may be anything", () => {
    const revision = { data: { anything: [null, { x: 1 }] }, revision: 1 };
    validateShape(schemaOf("apps", "ControllerRevision"), revision);
    expect(revision.data).toEqual({ anything: [null, { x: 1 }] });
  });

  it("canonicalises quantities, numbers among them", () => {
    const quota = { spec: { hard: { cpu: 2, memory: "1024Mi" } } };
    validateShape(schemaOf("", "ResourceQuota"), quota);
    expect(quota.spec.hard.cpu).toBe("2");
    expect(quota.spec.hard.memory).toBe("1Gi");
  });
});

it("looks into schemas that may be something else", () => {
  const definition = (items: unknown): object => ({
    spec: { versions: [{ schema: { openAPIV3Schema: { type: "array", items } } }] },
  });
  const check = (items: unknown): { errors: string[]; unknownFields: string[] } =>
    validateShape(schemaOf("apiextensions.k8s.io", "CustomResourceDefinition"), definition(items));
  expect(check({ properties: { a: null, b: { type: "string" } } }).errors).toEqual([]);
  expect(check([{ type: "string" }]).errors).toEqual([]);
  expect(check({ properties: { a: 1 } }).errors).toHaveLength(1);
  expect(check({ tipe: "string" }).unknownFields).toEqual(["spec.versions[0].schema.openAPIV3Schema.items.tipe"]);
  expect(check(1).errors).toHaveLength(1);
  expect(check({ additionalProperties: 1 }).errors).toEqual(["boolean or JSON schema expected"]);
  expect(check({ dependencies: { a: ["b"], c: { type: "string" } } }).errors).toEqual([]);
});

it("joins strict decoding failures", () => {
  expect(strictDecodingWarnings(["spec.foo"], ["spec.replicas"])).toEqual([
    'duplicate field "spec.replicas"',
    'unknown field "spec.foo"',
  ]);
});
