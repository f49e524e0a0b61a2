import { describe, expect, it } from "vitest";
import { created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";
import { podWith, supported } from "./pods.testing.ts";

const pods = infoOf("pods");
const write = (change: (status: Loose) => void, spec: object = {}, container: object = {}): string[] =>
  updated(pods, created(pods, podWith(spec, container)), (pod) => change(pod.status), "status").errors;

describe("what a status says of a pod", () => {
  it.each<[string, object, string[]]>([
    ["all of it", { observedGeneration: 1, nominatedNodeName: "n" }, []],
    [
      "generations before the first",
      { observedGeneration: -1, conditions: [{ type: "Ready", status: "True", observedGeneration: -1 }] },
      [
        "status.conditions[0].observedGeneration: must be a non-negative integer",
        "status.observedGeneration: must be a non-negative integer",
      ],
    ],
    [
      "addresses of one family twice",
      { podIP: "10.0.0.1", podIPs: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }] },
      ["status.podIPs: may specify no more than one IP for each IP family"],
    ],
    [
      "another first address of its node",
      { hostIP: "10.0.0.1", hostIPs: [{ ip: "10.0.0.2" }] },
      ["status.hostIPs[0].ip: must be equal to `hostIP`"],
    ],
  ])("%s", (_what, said, errors) => expect(write((status) => Object.assign(status, said))).toEqual(errors));

  it("nominates a node that can exist, before one is chosen", () => {
    const nominate = (status: Loose): void => void (status.nominatedNodeName = "n");
    expect(write(nominate, { nodeName: "m" })).toEqual([
      "status.nominatedNodeName: may not be set on pods that are already bound to a node",
    ]);
    const [error] = write((status) => void (status.nominatedNodeName = "N"));
    expect(error).toMatch(/^status\.nominatedNodeName: a lowercase RFC 1123 subdomain/);
  });
});

describe("what a status says of containers", () => {
  const RANGE = "must be between 0 and 2147483647, inclusive";
  const linux = { uid: -1, gid: -1, supplementalGroups: [0, -1] };

  it("is as whom they run", () => {
    const says = (status: Loose): void => void (status.containerStatuses = [{ name: "c", user: { linux } }]);
    const at = "status.containerStatuses[0].user.linux";
    expect(write(says)).toEqual(["uid", "gid", "supplementalGroups[1]"].map((field) => `${at}.${field}: ${RANGE}`));
    expect(write(says, { os: { name: "windows" } })).toEqual([`${at}: cannot be set for a windows pod`]);
  });

  const claims = [{ name: "a" }, { name: "b", request: "r" }];
  const resourceClaims = ["a", "b"].map((name) => ({ name, resourceClaimName: name }));
  const resources = { claims, requests: { "example.com/x": "1" }, limits: { "example.com/x": "1" } };
  const allocated = (...allocatedResourcesStatus: object[]): string[] =>
    write(
      (status) => (status.containerStatuses = [{ name: "c", allocatedResourcesStatus }]),
      { resourceClaims },
      { resources },
    );
  const at = "status.containerStatuses[0].allocatedResourcesStatus";
  const health = (...entries: object[]): object => ({ name: "claim:a", resources: entries });

  it.each<[string, object[], string[]]>([
    ["of what it has", [{ name: "example.com/x" }, { name: "claim:a" }, { name: "claim:b/r" }], []],
    [
      "of what it has not",
      [{ name: "example.com/y" }, { name: "claim:b" }],
      [
        `${at}[0].name: must match one of the container's resource requests`,
        `${at}[1].name: must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty`,
      ],
    ],
    [
      "of unknown health",
      [health({ resourceID: "1", health: "Fine" }, { resourceID: "1", health: "Healthy", message: "" })],
      [
        `${at}[0].resources[0].health: ${supported("Healthy", "Unhealthy", "Unknown")}`,
        `${at}[0].resources[1].message: must be non-empty if specified`,
        `${at}[0].resources[1].resourceID: `,
      ],
    ],
    [
      "of much to say",
      [health({ resourceID: "1", health: "Healthy", message: "x".repeat(1025) })],
      [`${at}[0].resources[0].message: may not be more than 1024 bytes`],
    ],
  ])("is how devices are, %s", (_what, said, errors) => expect(allocated(...said)).toEqual(errors));

  it("is nothing of devices of ephemeral ones", () => {
    const said = [{ name: "e", allocatedResourcesStatus: [{ name: "x" }] }];
    expect(write((status) => (status.ephemeralContainerStatuses = said))).toEqual([
      "status.ephemeralContainerStatuses[0].allocatedResourcesStatus: must not be specified in container status",
    ]);
  });
});

describe("containers that ended", () => {
  const ended = (exitCode: number): object => ({ terminated: { exitCode } });
  const again = (exitCode: number, spec: object, container: object, name = "c"): string[] => {
    const old = created(pods, podWith(spec, container));
    old.status.containerStatuses = [{ name, state: ended(exitCode) }];
    return updated(pods, old, ({ status }) => void (status.containerStatuses[0].state = { running: {} }), "status")
      .errors;
  };
  const restartPolicyRules = [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }];
  const REFUSED = ["status.containerStatuses[0].state: may not be transitioned to non-terminated state"];

  it.each<[string, number, object, object, string[]]>([
    ["by the pod's policy", 0, {}, {}, []],
    ["by their own, and not by the pod's", 0, { restartPolicy: "Never" }, { restartPolicy: "Always" }, []],
    ["not by their own, though by the pod's", 1, {}, { restartPolicy: "Never" }, REFUSED],
    ["after failures", 1, { restartPolicy: "OnFailure" }, {}, []],
    ["after failures only", 0, { restartPolicy: "OnFailure" }, {}, REFUSED],
    ["by a rule", 42, {}, { restartPolicy: "Never", restartPolicyRules }, []],
    ["by no rule", 41, {}, { restartPolicy: "Never", restartPolicyRules }, REFUSED],
  ])("come back %s", (_what, code, spec, container, errors) => expect(again(code, spec, container)).toEqual(errors));

  it("do not come back where the pod has none of their name", () => expect(again(0, {}, {}, "d")).toEqual(REFUSED));
});
