import { describe, expect, it } from "vitest";
import { created, createErrors, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const info = infoOf("horizontalpodautoscalers", "autoscaling", "v2");
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
const autoscaler = (spec: object): Loose => ({
  metadata: { name: "a", namespace: "default" },
  spec: { scaleTargetRef, maxReplicas: 3, ...spec },
});
const resource = (target: object, more: object = {}): object => ({
  metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", ...target } }, ...more }],
});
const external = (target: object, metric: object = { name: "m" }): object => ({
  metrics: [{ type: "External", external: { metric, target: { type: "Value", ...target } } }],
});
const policies = [{ type: "Pods", value: 1, periodSeconds: 15 }];

it("with an empty list of policies is not one without a list", () => {
  const { behavior } = created(info, autoscaler({ behavior: { scaleUp: { policies: [] }, scaleDown: {} } })).spec;
  expect(behavior.scaleUp.policies).toEqual([]);
  expect(behavior.scaleDown.policies).toHaveLength(1);
  expect(createErrors(info, autoscaler({ behavior: { scaleUp: { policies: [] } } }))).toEqual([
    "spec.behavior.scaleUp.policies: must specify at least one Policy",
  ]);
});

describe("a new autoscaler", () => {
  it.each<[string, object, string[]]>([
    ["nothing amiss", resource({ averageUtilization: 50 }), []],
    [
      "no maximum",
      { maxReplicas: 0 },
      [
        "spec.maxReplicas: must be set and greater than 0",
        "spec.maxReplicas: must be greater than or equal to `minReplicas`",
      ],
    ],
    [
      "zero pods",
      { minReplicas: 0 },
      [
        "spec.minReplicas: must be greater than or equal to 1",
        "spec.metrics: must specify at least one Object or External metric to support scaling to zero replicas",
      ],
    ],
    [
      "a target without a group",
      { scaleTargetRef: { kind: "Deployment", name: "a/b" } },
      [
        "spec.scaleTargetRef.name: may not contain '/'",
        "spec.scaleTargetRef.apiVersion: apiVersion must specify API group",
      ],
    ],
    ["the one that has none", { scaleTargetRef: { kind: "ReplicationController", name: "a", apiVersion: "v1" } }, []],
    [
      "no version",
      { scaleTargetRef: { ...scaleTargetRef, apiVersion: "a/b/c" } },
      ["spec.scaleTargetRef.apiVersion: unexpected GroupVersion string: a/b/c"],
    ],
    [
      "no utilization",
      resource({}),
      [
        "spec.metrics[0].resource.target.averageUtilization: must set either a target raw value or a target utilization",
      ],
    ],
    [
      "both of them",
      resource({ averageUtilization: 0, averageValue: "1" }),
      [
        "spec.metrics[0].resource.target.averageUtilization: must be greater than 0",
        "spec.metrics[0].resource.target.averageValue: may not set both a target raw value and a target utilization",
      ],
    ],
    [
      "two sources",
      resource({ averageUtilization: 1 }, { pods: { metric: { name: "m" }, target: { type: "Value" } } }),
      [
        "spec.metrics[0].pods.target.averageValue: must specify a positive target averageValue",
        "spec.metrics[0].pods: must populate the given metric source only",
      ],
    ],
    [
      "an unknown source",
      { metrics: [{ type: "Magic" }] },
      [
        'spec.metrics[0].type: supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
        'spec.metrics[0].type: supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      ],
    ],
    [
      "another source than named",
      { metrics: [{ type: "Object" }] },
      ["spec.metrics[0].object: must populate information for the given metric source"],
    ],
    [
      "nothing to compare with",
      external({}),
      ["spec.metrics[0].external.target.averageValue: must set either a target value for metric or a per-pod target"],
    ],
    [
      "two to compare with",
      external({ value: "0", averageValue: "-1" }, { name: "" }),
      [
        "spec.metrics[0].external.metric.name: must specify a metric name",
        "spec.metrics[0].external.target.value: must be positive",
        "spec.metrics[0].external.target.averageValue: must be positive",
        "spec.metrics[0].external.target.value: may not set both a target value for metric and a per-pod target",
      ],
    ],
    [
      "a container's resource",
      {
        metrics: [
          { type: "ContainerResource", containerResource: { name: "pods", container: "A", target: { type: "x" } } },
        ],
      },
      [
        "spec.metrics[0].containerResource.name: must be a standard resource for containers",
        "spec.metrics[0].containerResource.container: a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        "spec.metrics[0].containerResource.target.type: must be either Utilization, Value, or AverageValue",
        "spec.metrics[0].containerResource.target.averageUtilization: must set either a target raw value or a target utilization",
      ],
    ],
    [
      "behavior",
      {
        behavior: {
          scaleUp: { stabilizationWindowSeconds: 3601, selectPolicy: "Any" },
          scaleDown: {
            stabilizationWindowSeconds: -1,
            tolerance: "-1",
            policies: [
              { type: "All", value: 0, periodSeconds: 0 },
              { ...policies[0], periodSeconds: 1801 },
            ],
          },
        },
      },
      [
        "spec.behavior.scaleUp.stabilizationWindowSeconds: must be less than or equal to 3600",
        'spec.behavior.scaleUp.selectPolicy: supported values: "Disabled", "Max", "Min"',
        "spec.behavior.scaleDown.stabilizationWindowSeconds: must be greater than or equal to zero",
        'spec.behavior.scaleDown.policies[0].type: supported values: "Percent", "Pods"',
        "spec.behavior.scaleDown.policies[0].value: must be greater than zero",
        "spec.behavior.scaleDown.policies[0].periodSeconds: must be greater than zero",
        "spec.behavior.scaleDown.policies[1].periodSeconds: must be less than or equal to 1800",
        "spec.behavior.scaleDown.tolerance: must be greater or equal to zero",
      ],
    ],
  ])("with %s", (_what, spec, errors) => {
    expect(createErrors(info, autoscaler(spec))).toEqual(errors);
  });
});

describe("an autoscaler that is there", () => {
  const without = autoscaler({ minReplicas: 0, scaleTargetRef: { kind: "Deployment", name: "web" } });
  without.spec.metrics = [
    { type: "External", external: { metric: { name: "m" }, target: { type: "Value", value: "1" } } },
  ];

  it("may keep zero pods and a target without a group, and may not get another such target", () => {
    expect(updated(info, without, (obj) => (obj.spec.maxReplicas = 4)).errors).toEqual([]);
    expect(updated(info, without, (obj) => (obj.spec.scaleTargetRef.kind = "StatefulSet")).errors).toEqual([
      "spec.scaleTargetRef.apiVersion: apiVersion must specify API group",
    ]);
  });

  it("reports no negative counts", () => {
    const change = (obj: Loose): void => void (obj.status = { currentReplicas: -1, desiredReplicas: -2 });
    expect(updated(info, without, change, "status").errors).toEqual([
      "status.currentReplicas: must be greater than or equal to 0",
      "status.desiredReplicas: must be greater than or equal to 0",
    ]);
  });
});
