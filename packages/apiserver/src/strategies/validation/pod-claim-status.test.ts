import type { Pod } from "@knots/api/core/v1";
import { formatFieldError } from "@knots/machinery";
import { expect, test } from "vitest";
import type { FieldError } from "../field.ts";
import { validatePodStatusUpdate } from "./pod-status.ts";

const spec: Pod["spec"] = {
  initContainers: [{ name: "init", resources: { requests: { "x.io/gpu": "1" } } }],
  containers: [{ name: "main", resources: { requests: { "x.io/gpu": "1", cpu: "1" } } }],
  resourceClaims: [{ name: "a", resourceClaimTemplateName: "t" }],
};
function errorsOf(status: NonNullable<Pod["status"]>): string[] {
  const errors: FieldError[] = [];
  validatePodStatusUpdate({ spec, status }, { spec }, errors);
  return errors.map(formatFieldError);
}

const MAPPING = { containerName: "main", resourceName: "x.io/gpu", requestName: "container-1-request-1" };
const AT = "status.extendedResourceClaimStatus";
const CONTAINERS = "must match the name of an entry in spec.initContainers.name or spec.containers.name";
const REQUESTS =
  "must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests";

test.each<[string, NonNullable<NonNullable<Pod["status"]>["extendedResourceClaimStatus"]>, (string | RegExp)[]]>([
  [
    "a claim for two containers",
    { resourceClaimName: "p-extended-resources-x", requestMappings: [MAPPING, { ...MAPPING, containerName: "init" }] },
    [],
  ],
  [
    "nothing said",
    { resourceClaimName: "", requestMappings: [] },
    [
      `${AT}.requestMappings: Required value: at least one request mapping is required`,
      `${AT}.resourceClaimName: Required value`,
    ],
  ],
  [
    "another's container",
    { resourceClaimName: "c", requestMappings: [{ ...MAPPING, containerName: "other" }] },
    [`${AT}.requestMappings[0].containerName: Invalid value: "other": ${CONTAINERS}`],
  ],
  [
    "a resource that nobody asks for",
    { resourceClaimName: "c", requestMappings: [{ ...MAPPING, resourceName: "x.io/nic" }] },
    [`${AT}.requestMappings[0].resourceName: Invalid value: "x.io/nic": ${REQUESTS}`],
  ],
  [
    "the same twice",
    { resourceClaimName: "c", requestMappings: [MAPPING, MAPPING] },
    [
      `${AT}.requestMappings[1].containerName: Duplicate value: "main"`,
      `${AT}.requestMappings[1].resourceName: Duplicate value: "x.io/gpu"`,
      `${AT}.requestMappings[1].requestName: Duplicate value: "container-1-request-1"`,
    ],
  ],
  [
    "names of another form",
    { resourceClaimName: "C", requestMappings: [{ ...MAPPING, requestName: "R" }] },
    [/^status\.extendedResourceClaimStatus\.requestName: Invalid value: "R"/, /resourceClaimName: Invalid value: "C"/],
  ],
])("extended resources: %s", (_what, extendedResourceClaimStatus, want) => {
  const matching = want.map((each) => (typeof each === "string" ? each : (expect.stringMatching(each) as string)));
  expect(errorsOf({ extendedResourceClaimStatus })).toEqual(matching);
});

test.each<[string, NonNullable<Pod["status"]>["resourceClaimStatuses"] & {}, (string | RegExp)[]]>([
  ["one of its own", [{ name: "a", resourceClaimName: "p-a-x" }], []],
  ["none needed", [{ name: "a" }], []],
  [
    "unknown, and twice",
    [{ name: "b" }, { name: "b" }],
    [
      'status.resourceClaimStatuses[0].name: Invalid value: "b": must match the name of an entry in `spec.resourceClaims`',
      'status.resourceClaimStatuses[1].name: Invalid value: "b": must match the name of an entry in `spec.resourceClaims`',
      'status.resourceClaimStatuses[1].name: Duplicate value: "b"',
    ],
  ],
  ["a name of another form", [{ name: "a", resourceClaimName: "A" }], [/\[0\]\.resourceClaimName: Invalid value: "A"/]],
])("claims: %s", (_what, resourceClaimStatuses, want) => {
  const matching = want.map((each) => (typeof each === "string" ? each : (expect.stringMatching(each) as string)));
  expect(errorsOf({ resourceClaimStatuses })).toEqual(matching);
});
