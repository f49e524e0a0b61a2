import { describe, expect, it } from "vitest";
import { created, infoOf } from "../harness.testing.ts";
import { podErrors, podWith, supported, updateErrors } from "./pods.testing.ts";

const PAGES = "hugepages-2Mi";
const DISK = "ephemeral-storage";

describe("resources of a pod as a whole", () => {
  const at = "spec.resources";

  it.each<[string, object, object, string[]]>([
    ["enough for its containers", { limits: { cpu: "2" } }, { requests: { cpu: "1" }, limits: { cpu: "2" } }, []],
    [
      "other than of cpu, memory and pages",
      { requests: { [DISK]: "1Gi" } },
      {},
      [`${at}.requests[${DISK}]: ${supported("cpu", "hugepages-", "memory")}`],
    ],
    [
      "claims",
      { claims: [{ name: "a" }] },
      {},
      [
        `${at}.claims: claims may not be set for Resources at pod-level`,
        `${at}.claims[0]: must be one of the names in pod.spec.resourceClaims which is empty`,
      ],
    ],
    [
      "requests above limits",
      { requests: { cpu: "2" }, limits: { cpu: "1" } },
      {},
      [`${at}.requests: must be less than or equal to cpu limit of 1`],
    ],
    [
      "less than its containers request",
      { requests: { cpu: "500m" } },
      { requests: { cpu: "1" } },
      [`${at}.requests[cpu]: must be greater than or equal to aggregate container requests of 1`],
    ],
    [
      "less than one of its containers may have",
      { limits: { memory: "1Gi" } },
      { limits: { memory: "2Gi" }, requests: { memory: "1Gi" } },
      ["spec.resources.containers[0][memory].limits: must be less than or equal to pod limits of 1Gi"],
    ],
    [
      "fewer pages than its containers have",
      { limits: { cpu: "1", [PAGES]: "2Mi" } },
      { limits: { cpu: "1", [PAGES]: "4Mi" } },
      [
        `${at}.requests[${PAGES}]: must be greater than or equal to aggregate container requests of 4Mi`,
        `${at}.limits[${PAGES}]: must be greater than or equal to aggregate container limits of 4Mi`,
        `spec.resources.containers[0][${PAGES}].limits: must be less than or equal to pod limits of 2Mi`,
      ],
    ],
  ])("%s", (_what, resources, own, errors) => expect(podErrors({ resources }, { resources: own })).toEqual(errors));

  it("are not for Windows", () => {
    expect(podErrors({ os: { name: "windows" }, resources: { limits: { cpu: "1" } } })).toEqual([
      `${at}: may not be set for a windows pod`,
    ]);
  });

  it.each<[string, object, object, object]>([
    [
      "what containers request, and limits for the rest",
      { limits: { cpu: "2", memory: "1Gi" } },
      { requests: { cpu: "500m" } },
      { limits: { cpu: "2", memory: "1Gi" }, requests: { cpu: "500m", memory: "1Gi" } },
    ],
    [
      "pages of containers",
      { limits: { cpu: "1" } },
      { limits: { [PAGES]: "2Mi", cpu: "1" } },
      { limits: { cpu: "1", [PAGES]: "2Mi" }, requests: { cpu: "1", [PAGES]: "2Mi" } },
    ],
    ["nothing where nothing is said", {}, { requests: { cpu: "1" } }, {}],
    ["nothing without limits", { requests: { cpu: "1" } }, { requests: { memory: "1Gi" } }, { requests: { cpu: "1" } }],
  ])("get by default %s", (_what, resources, own, expected) => {
    expect(created(infoOf("pods"), podWith({ resources }, { resources: own })).spec.resources).toEqual(expected);
  });

  it("stay in templates as they are written", () => {
    const template = { metadata: { labels: { a: "b" } }, spec: podWith({ resources: { limits: { cpu: "1" } } }).spec };
    const body = { metadata: { name: "d" }, spec: { selector: { matchLabels: { a: "b" } }, template } };
    expect(created(infoOf("deployments", "apps"), body).spec.template.spec.resources).toEqual({ limits: { cpu: "1" } });
  });
});

describe("huge pages", () => {
  const at = "spec.containers[0].resources";
  const both = (amounts: object): object => ({ limits: amounts, requests: amounts });

  it.each<[string, object, string[]]>([
    ["whole, of several sizes", both({ cpu: "1", [PAGES]: "4Mi", "hugepages-1Gi": "2Gi" }), []],
    [
      "broken",
      both({ cpu: "1", [PAGES]: "3Mi" }),
      [
        `${at}.limits[${PAGES}]: 3Mi is not positive integer multiple of ${PAGES}`,
        `${at}.requests[${PAGES}]: 3Mi is not positive integer multiple of ${PAGES}`,
      ],
    ],
    ["alone", both({ [PAGES]: "2Mi" }), [`${at}: HugePages require cpu or memory`]],
    [
      "fewer requested than had",
      { limits: { cpu: "1", [PAGES]: "4Mi" }, requests: { [PAGES]: "2Mi" } },
      [`${at}.requests: must be equal to ${PAGES} limit of 4Mi`],
    ],
    [
      "only requested",
      { requests: { cpu: "1", [PAGES]: "2Mi" } },
      [`${at}.limits: Limit must be set for non overcommitable resources`],
    ],
  ])("%s", (_what, resources, errors) => expect(podErrors({}, { resources })).toEqual(errors));

  it("that are broken stay broken in a stored pod", () => {
    const old = podWith({}, { resources: both({ cpu: "1", [PAGES]: "3Mi" }) });
    expect(updateErrors(old, (pod) => (pod.spec.containers[0].image = "i:2"))).toEqual([]);
  });
});

describe("overhead", () => {
  it("is a list of limits", () => {
    expect(podErrors({ overhead: { cpu: "1m" } })).toEqual([]);
    expect(podErrors({ overhead: { cpu: "-1" } })).toEqual([
      "spec.overhead.limits[cpu]: must be greater than or equal to 0",
    ]);
    expect(podErrors({ overhead: { bytes: "1" } })).toEqual([
      "spec.overhead.limits[bytes]: must be a standard resource type or fully qualified",
      "spec.overhead.limits[bytes]: must be a standard resource for containers",
    ]);
  });
});
