// Where workloads tell what is wrong with their templates: each as upstream does.
import { describe, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const labels = { a: "b" };
const matchLabels = labels;
const podSpec = { containers: [{ name: "c", image: "i:1" }] };
const MISMATCH = "`selector` does not match template `labels`";
const body = (template: object, selector: object = { matchLabels }): object => ({
  metadata: { name: "w", namespace: "default", uid: "u" },
  spec: { selector, template },
});

describe("labels of a template", () => {
  const apps = ["deployments", "replicasets", "statefulsets", "daemonsets"];

  it.each(apps)("of %s match its selector", (resource) => {
    const other = { metadata: { labels: { a: "c" } }, spec: podSpec };
    expect(createErrors(infoOf(resource, "apps"), body(other))).toEqual([`spec.template.metadata.labels: ${MISMATCH}`]);
  });

  it("of replicationcontrollers match their selector", () => {
    const other = { metadata: { labels: { a: "c" } }, spec: podSpec };
    const errors = createErrors(infoOf("replicationcontrollers"), body(other, labels));
    expect(errors).toEqual([`spec.template.metadata.labels: ${MISMATCH}`]);
  });

  it("of jobs match their selector", () => {
    const template = { metadata: { labels }, spec: { ...podSpec, restartPolicy: "Never" } };
    const job: Loose = body(template, { matchLabels: { a: "c" } });
    job.spec.manualSelector = true;
    expect(createErrors(infoOf("jobs", "batch"), job)).toEqual([`spec.template.metadata.labels: ${MISMATCH}`]);
  });

  it.each(apps)("of %s are looked for without their metadata", (resource) => {
    const template = { metadata: { labels: { ...labels, "c d": "e" }, annotations: { "f g": "h" } }, spec: podSpec };
    const errors = createErrors(infoOf(resource, "apps"), body(template)).map((error) => error.split(":")[0]);
    expect(errors).toEqual(["spec.template.labels", "spec.template.annotations"]);
  });

  it("of jobs are looked for without their metadata", () => {
    const template = { metadata: { labels: { "c d": "e" } }, spec: { ...podSpec, restartPolicy: "Never" } };
    const job = { metadata: { name: "j", namespace: "default", uid: "u" }, spec: { template } };
    const errors = createErrors(infoOf("jobs", "batch"), job).map((error) => error.split(":")[0]);
    expect(errors).toEqual(["spec.template.labels"]);
  });
});

describe("a template's pods", () => {
  it("may have blanks around images, where pods may not", () => {
    const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i:1 " }] } };
    expect(createErrors(infoOf("deployments", "apps"), body(template))).toEqual([]);
  });

  it("keep what was let in before", () => {
    const term = { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] };
    const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } };
    const template = { metadata: { labels }, spec: { ...podSpec, affinity: { nodeAffinity: required } } };
    const info = infoOf("deployments", "apps");
    expect(createErrors(info, body(template))).toHaveLength(1);
    expect(updated(info, created(info, body(template)), (each) => (each.spec.replicas = 2)).errors).toEqual([]);
  });
});
