import { describe, expect, it } from "vitest";
import { podErrors, podWith, supported, updateErrors } from "./pods.testing.ts";

const rule = (operator: string, values: number[], action = "Restart"): object => ({
  action,
  exitCodes: { operator, values },
});
const numbers = (length: number): number[] => Array.from({ length }, (_, index) => index);

describe("restarts of a container", () => {
  const at = "spec.containers[0]";

  it.each<[string, object, string[]]>([
    ["by a policy of its own", { restartPolicy: "Never" }, []],
    ["by rules", { restartPolicy: "Never", restartPolicyRules: [rule("In", [42])] }, []],
    [
      "of all containers",
      { restartPolicy: "Never", restartPolicyRules: [rule("In", [1], "RestartAllContainers")] },
      [],
    ],
    [
      "by an unknown policy",
      { restartPolicy: "Maybe" },
      [`${at}.restartPolicy: ${supported("Always", "Never", "OnFailure")}`],
    ],
    [
      "by rules without a policy",
      { restartPolicyRules: [rule("In", [1])] },
      [`${at}.restartPolicy: must specify restartPolicy when restart rules are used`],
    ],
    [
      "by unknown rules",
      { restartPolicy: "Never", restartPolicyRules: [rule("Gt", [1], "Stop"), { action: "Restart" }] },
      [
        `${at}.restartPolicyRules[0].action: ${supported("Restart", "RestartAllContainers")}`,
        `${at}.restartPolicyRules[0].exitCodes.operator: ${supported("In", "NotIn")}`,
        `${at}.restartPolicyRules[1].exitCodes: must be specified`,
      ],
    ],
    [
      "by too many rules and codes",
      {
        restartPolicy: "Never",
        restartPolicyRules: [rule("In", numbers(256)), ...numbers(20).map((code) => rule("In", [code]))],
      },
      [
        `${at}.restartPolicyRules: must have at most 20 items`,
        `${at}.restartPolicyRules[0].exitCodes.values: must have at most 255 items`,
      ],
    ],
  ])("%s", (_what, container, errors) => expect(podErrors({}, container)).toEqual(errors));

  it("are the same for init containers", () => {
    const init = (container: object): string[] =>
      podErrors({ initContainers: [{ name: "i", image: "i:1", ...container }] });
    expect(init({ restartPolicy: "OnFailure", restartPolicyRules: [rule("NotIn", [0])] })).toEqual([]);
    expect(init({ restartPolicyRules: [rule("Gt", [])] })).toEqual([
      "spec.initContainers[0].restartPolicy: must specify restartPolicy when restart rules are used",
    ]);
  });
});

describe("resizing init containers", () => {
  const resizePolicy = [{ resourceName: "cpu", restartPolicy: "RestartContainer" }];
  const init = { name: "i", image: "i:1", resizePolicy };

  it("restarts sidecars only", () => {
    expect(podErrors({ initContainers: [{ ...init, restartPolicy: "Always" }] })).toEqual([]);
    expect(podErrors({ initContainers: [init] })).toEqual([
      "spec.initContainers[0].resizePolicy[0].restartPolicy: must not be set to 'RestartContainer' for non-sidecar initContainers",
    ]);
  });

  it("stays as it is where it is stored", () => {
    const old = podWith({ initContainers: [init] });
    expect(updateErrors(old, (pod) => (pod.spec.containers[0].image = "i:2"))).toEqual([]);
  });
});

describe("ephemeral containers", () => {
  const add = (container: object): string[] =>
    updateErrors(
      podWith({ volumes: [{ name: "v", emptyDir: {} }] }),
      (pod) => (pod.spec.ephemeralContainers = [{ name: "e", image: "i:1", ...container }]),
      "ephemeralcontainers",
    );
  const probe = { tcpSocket: { port: 1 } };
  const at = "spec.ephemeralContainers[0]";

  it.each<[string, object, string[]]>([
    ["that only look", { targetContainerName: "c", volumeMounts: [{ name: "v", mountPath: "/v" }] }, []],
    ["of a name that is taken", { name: "c" }, [`${at}.name: `]],
    ["without a target", { targetContainerName: "d" }, [`${at}.targetContainerName: `]],
    ["with blanks around the image", { image: "i " }, [`${at}.image: must not have leading or trailing whitespace`]],
    [
      "that are more than that",
      {
        ports: [],
        resources: { requests: { cpu: "1" } },
        resizePolicy: [],
        restartPolicy: "Always",
        restartPolicyRules: [],
        livenessProbe: probe,
        readinessProbe: probe,
        startupProbe: probe,
        lifecycle: {},
      },
      [
        "ports",
        "resources",
        "resizePolicy",
        "restartPolicy",
        "restartPolicyRules",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
      ].map((field) => `${at}.${field}: cannot be set for an Ephemeral Container`),
    ],
    [
      "of parts of volumes",
      {
        volumeMounts: [
          { name: "v", mountPath: "/v", subPath: "s" },
          { name: "v", mountPath: "/w", subPathExpr: "s" },
        ],
      },
      [
        `${at}.volumeMounts[0].subPath: cannot be set for an Ephemeral Container`,
        `${at}.volumeMounts[1].subPathExpr: cannot be set for an Ephemeral Container`,
      ],
    ],
  ])("%s", (_what, container, errors) => expect(add(container)).toEqual(errors));

  it("stay as they are", () => {
    const added = (pod: { spec: { ephemeralContainers: object[] } }): void => {
      pod.spec.ephemeralContainers = [{ name: "e", image: "i:1", imagePullPolicy: "Always" }];
    };
    expect(
      updateErrors(
        podWith(),
        (pod) => {
          added(pod);
          pod.spec.ephemeralContainers.push(pod.spec.ephemeralContainers[0]);
        },
        "ephemeralcontainers",
      ),
    ).toEqual(["spec.ephemeralContainers[1].name: "]);
  });
});
