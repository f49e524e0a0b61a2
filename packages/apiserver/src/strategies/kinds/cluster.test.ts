// Nodes, namespaces and events: what upstream says of them, where it says it.
import { describe, expect, it } from "vitest";
import { context, createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";
import { strategyFor } from "../index.ts";

const range = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

describe("nodes", () => {
  const info = infoOf("nodes");
  const node = (spec: object, status: object = {}): Loose => ({ metadata: { name: "a" }, spec, status });
  const cases: [object, object, string[]][] = [
    [{ podCIDRs: ["10.0.0.0/24", "fd00::/64"] }, {}, []],
    [{ podCIDRs: ["x"] }, {}, [`spec.podCIDRs[0]: ${range}`]],
    [
      { podCIDRs: ["10.0.0.0/24", "10.0.0.0/24"] },
      {},
      ["spec.podCIDRs: may specify no more than one CIDR for each IP family", "spec.podCIDRs[1]: "],
    ],
    [
      { taints: [{ key: "a", effect: "None", value: "b c" }] },
      {},
      [
        "metadata.taints[0].value: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        'metadata.taints[0].effect: supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      ],
    ],
    [
      {},
      { capacity: { pods: "1500m" }, allocatable: { cpu: "-1" } },
      ["status.capacity.pods: must be an integer", "status.allocatable.cpu: must be greater than or equal to 0"],
    ],
  ];
  it.each(cases)("%j %j", (spec, status, errors) => {
    expect(createErrors(info, node(spec, status))).toEqual(errors);
  });

  it("keep what they once got", () => {
    const old = node({ podCIDRs: ["10.0.0.0/24"], podCIDR: "10.0.0.0/24", providerID: "p" });
    const { errors } = updated(info, old, (obj) =>
      Object.assign(obj.spec, { podCIDRs: ["10.0.1.0/24"], providerID: "q", externalID: "e" }),
    );
    expect(errors).toEqual([
      'spec.podCIDRs: node updates may not change podCIDR except from "" to valid',
      'spec.providerID: node updates may not change providerID except from "" to valid',
      "spec.externalID: may not be updated",
    ]);
  });

  it("are not configured through the API", () => {
    const configSource = { configMap: { name: "a", namespace: "b", kubeletConfigKey: "c" } };
    expect(created(info, node({ configSource })).spec).toEqual({});
    const { next } = updated(info, node({ configSource }), (obj) => void (obj.metadata.labels = { a: "b" }));
    expect(next.spec).toEqual({ configSource });
    const reported = updated(info, node({}), (obj) => void (obj.status.config = {}), "status");
    expect(reported.next.status).toEqual({});
  });

  it("report amounts, and no address twice", () => {
    const address = { type: "InternalIP", address: "10.0.0.1" };
    const change = (obj: Loose): void =>
      void (obj.status = { addresses: [address, address], capacity: { "example.com/gpu": "0.5" } });
    expect(updated(info, node({}), change, "status").errors).toEqual([
      "status.capacity.example.com/gpu: must be an integer",
      "status.allocatable.example.com/gpu: must be an integer",
      "status.addresses[1]: ",
    ]);
  });
});

describe("namespaces", () => {
  const info = infoOf("namespaces");
  const unknown = "name is neither a standard finalizer name nor is it fully qualified";
  it("know who empties them", () => {
    const body = { metadata: { name: "a" }, spec: { finalizers: ["mine"] } };
    expect(createErrors(info, body)).toEqual([`spec.finalizers: ${unknown}`]);
    const change = (obj: Loose): void => void (obj.spec = { finalizers: ["kubernetes", "mine"] });
    expect(updated(info, { metadata: { name: "a" } }, change, "finalize").errors).toEqual([
      `spec.finalizers[1]: ${unknown}`,
    ]);
  });
});

describe("events", () => {
  const info = infoOf("events", "");
  const involvedObject = { kind: "Pod", name: "a", namespace: "default" };
  const event = (fields: object): Loose => ({
    metadata: { name: "a", namespace: "default" },
    involvedObject,
    ...fields,
  });
  const report = {
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingComponent: "example.com/c",
    reportingInstance: "i",
    action: "Do",
    reason: "R",
    type: "Normal",
  };
  const errorsIn = (apiVersion: string, body: Loose, old?: Loose): string[] => {
    const strategy = strategyFor(info);
    const ctx = context({ apiVersion });
    const errors = old === undefined ? strategy.validate?.(body, ctx) : strategy.validateUpdate?.(body, old, ctx);
    return (errors ?? []).map(({ field, detail }) => `${field}: ${detail}`);
  };
  const elsewhere = "involvedObject.namespace: does not match event.namespace";
  const cases: [apiVersion: string, fields: object, errors: string[]][] = [
    ["v1", {}, []],
    ["v1", { metadata: { name: "Any_Name", namespace: "default" } }, []],
    ["v1", { involvedObject: { kind: "Node", name: "a" } }, []],
    [
      "v1",
      { involvedObject: { kind: "Node", name: "a" }, metadata: { name: "a", namespace: "kube-system" } },
      [elsewhere],
    ],
    [
      "v1",
      { ...report, involvedObject: { kind: "Node", name: "a" }, metadata: { name: "a", namespace: "kube-system" } },
      [],
    ],
    ["v1", { involvedObject: { ...involvedObject, namespace: "other" } }, [elsewhere]],
    [
      "v1",
      { eventTime: report.eventTime, reason: "x".repeat(129) },
      [
        "reportingComponent: ",
        "reportingComponent: name part must be non-empty",
        "reportingComponent: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        "reportingInstance: ",
        "action: ",
        "reason: can have at most 128 characters",
      ],
    ],
    ["events.k8s.io/v1", report, []],
    [
      "events.k8s.io/v1",
      { count: 1, source: { component: "c" }, type: "Odd", series: { count: 1 } },
      [
        "series.count: should be at least 2",
        "series.lastObservedTime: ",
        "eventTime: ",
        "type: has invalid value: Odd",
        "count: needs to be unset",
        "source: needs to be unset",
      ],
    ],
  ];
  it.each(cases)("of %s with %j", (apiVersion, fields, errors) => {
    expect(errorsIn(apiVersion, event(fields))).toEqual(errors);
  });

  it("go on only by their series, for those who speak the newer version", () => {
    const old = { ...event(report), metadata: { name: "a", namespace: "default", resourceVersion: "1" } };
    const series = { count: 2, lastObservedTime: report.eventTime };
    expect(errorsIn("events.k8s.io/v1", { ...old, series }, old)).toEqual([]);
    const next = { ...old, reportingComponent: "example.com/d", message: "m" };
    expect(errorsIn("v1", next, old)).toEqual([]);
    expect(errorsIn("events.k8s.io/v1", next, old)).toEqual([
      "message: field is immutable",
      "reportingController: field is immutable",
    ]);
  });
});
