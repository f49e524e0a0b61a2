import type { ResourceQuotaSpec } from "@knots/api/core/v1";
import { FieldPath, formatFieldError } from "@knots/machinery";
import { expect, it } from "vitest";
import { validateQuotaSpec } from "./quota.ts";

const selector = (...matchExpressions: object[]): ResourceQuotaSpec =>
  ({ scopeSelector: { matchExpressions } }) as ResourceQuotaSpec;

it.each<[ResourceQuotaSpec, (string | RegExp)[]]>([
  [{ hard: { cpu: "1500m", pods: "2", "requests.hugepages-2Mi": "1Gi", "count/jobs.batch": "1k" } }, []],
  [{ hard: { "requests.example.com/gpu": "2", "gold.storageclass.storage.k8s.io/requests.storage": "1Gi" } }, []],
  [{ hard: { pods: "1500m" } }, ['hard[pods]: Invalid value: "1500m": must be an integer']],
  [{ hard: { "count/jobs.batch": "1500m" } }, [/must be an integer$/]],
  [{ hard: { pods: "-1" } }, ['hard[pods]: Invalid value: "-1": must be greater than or equal to 0']],
  [{ hard: { storage: "1" } }, ['hard[storage]: Invalid value: "storage": must be a standard resource for quota']],
  [
    { hard: { gizmos: "1" } },
    [
      'hard[gizmos]: Invalid value: "gizmos": must be a standard resource type or fully qualified',
      'hard[gizmos]: Invalid value: "gizmos": must be a standard resource for quota',
    ],
  ],
  [{ hard: { "UPPER_/x": "1" } }, [/prefix part/]],
  [{ hard: { pods: "1" }, scopes: ["BestEffort", "NotTerminating"] }, []],
  [
    { hard: { cpu: "1", pods: "1" }, scopes: ["BestEffort"] },
    ['scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
  ],
  [{ hard: { "count/jobs.batch": "1" }, scopes: ["BestEffort"] }, []],
  [{ hard: { services: "1" }, scopes: ["Terminating"] }, [/unsupported scope applied to resource$/]],
  [{ scopes: ["Sometimes"] }, ['scopes: Invalid value: ["Sometimes"]: unsupported scope']],
  [{ scopes: ["BestEffort", "NotBestEffort"] }, [/conflicting scopes$/]],
  [{ hard: { "requests.storage": "1" }, scopes: ["VolumeAttributesClass"] }, []],
  [selector({ scopeName: "PriorityClass", operator: "In", values: ["high"] }), []],
  [
    selector({ scopeName: "PriorityClass", operator: "In" }),
    [/^scopeSelector\.matchExpressions\.values: Required value: must be at least one value/],
  ],
  [selector({ scopeName: "PriorityClass", operator: "Exists", values: ["high"] }), [/must be no value/]],
  [selector({ scopeName: "PriorityClass", operator: "Is" }), [/operator: .*not a valid selector operator$/]],
  [
    selector({ scopeName: "BestEffort", operator: "In", values: ["x"] }),
    [/^scopeSelector\.matchExpressions\.operator: Invalid value: "In": must be 'Exist' when scope is any of/],
  ],
  [
    selector({ scopeName: "Sometimes", operator: "Exists" }),
    ['scopeSelector.matchExpressions.scopeName: Invalid value: "Sometimes": unsupported scope'],
  ],
  [
    { ...selector({ scopeName: "BestEffort", operator: "Exists" }), hard: { cpu: "1" } },
    [/^scopeSelector\.matchExpressions: .*unsupported scope applied to resource$/],
  ],
])("%j", (spec, expected) => {
  const errors = validateQuotaSpec(spec, FieldPath.root("spec")).map((error) =>
    formatFieldError(error).replace("spec.", ""),
  );
  expect(errors).toEqual(expected.map((each) => (typeof each === "string" ? each : expect.stringMatching(each))));
});
