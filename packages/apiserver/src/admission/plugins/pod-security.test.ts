import type { KubeObject } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { AdmissionAttributes } from "../types.ts";
import { attributesOf, objectsOf, refusal } from "./attributes.testing.ts";
import { podSecurityConfig } from "./pod-security-config.ts";
import { NO_POLICY, policyOf, policyText } from "./pod-security-policy.ts";
import { podSecurity } from "./pod-security.ts";

const P = "pod-security.kubernetes.io/";
const labels = (of: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [P + key, value]));
const namespace = (name: string, of: Record<string, string> = {}): KubeObject => ({
  kind: "Namespace",
  metadata: { name, labels: labels(of) },
});
const pod = (name: string, spec: object = {}, metadata: object = {}): KubeObject =>
  ({
    kind: "Pod",
    metadata: { name, namespace: "default", ...metadata },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  }) as KubeObject;
const hostNetwork = pod("host", { hostNetwork: true });

describe("policyOf", () => {
  it.each<[Record<string, string>, string, number]>([
    [{}, "privileged:latest privileged:latest privileged:latest", 0],
    [{ enforce: "baseline" }, "baseline:latest privileged:latest baseline:latest", 0],
    [{ enforce: "baseline", "enforce-version": "v1.20" }, "baseline:v1.20 privileged:latest baseline:v1.20", 0],
    [{ enforce: "baseline", warn: "privileged" }, "baseline:latest privileged:latest privileged:latest", 0],
    [{ enforce: "nonsense", audit: "nonsense" }, "restricted:latest privileged:latest privileged:latest", 2],
    [{ warn: "restricted", "warn-version": "1.20" }, "privileged:latest privileged:latest restricted:latest", 1],
  ])("%j", (of, expected, errorCount) => {
    const { policy, errors } = policyOf(labels(of), NO_POLICY);
    expect([policy.enforce, policy.audit, policy.warn].map(policyText).join(" ")).toBe(expected);
    expect(errors).toHaveLength(errorCount);
  });
});

async function run(
  of: Partial<AdmissionAttributes>,
  config?: Parameters<typeof podSecurity>[0],
): Promise<{ refused: string; warnings: string[]; annotations: Record<string, string> }> {
  const plugin = podSecurity(config);
  const annotations: Record<string, string> = {};
  const attributes = attributesOf({ annotate: (key, value) => void (annotations[key] = value), ...of });
  expect(plugin.handles(attributes)).toBe(true);
  const refused = await refusal(() => plugin.validate?.(attributes));
  return { refused, warnings: attributes.warnings, annotations };
}

const BASELINE = objectsOf(namespace("default", { enforce: "baseline" }));

describe("PodSecurity", () => {
  it("refuses a pod in upstream's words", async () => {
    const { refused, annotations } = await run({ object: hostNetwork, objects: BASELINE });
    expect(refused).toBe(
      'pods "host" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    );
    expect(annotations[`${P}enforce-policy`]).toBe("baseline:latest");
  });

  it("warns of what a template would make", async () => {
    const deployment = { kind: "Deployment", metadata: { name: "d" }, spec: { template: { spec: { hostPID: true } } } };
    const of = { group: "apps", resource: "deployments", object: deployment, objects: BASELINE };
    expect(await run(of)).toMatchObject({
      refused: "",
      warnings: ['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'],
    });
  });

  it("judges an old pod again only where its images or profiles change", async () => {
    const update = { operation: "UPDATE", oldObject: hostNetwork, objects: BASELINE } as const;
    const labelled = { ...hostNetwork, metadata: { ...hostNetwork.metadata, labels: { a: "b" } } };
    expect((await run({ ...update, object: labelled })).refused).toBe("");
    const other = pod("host", { hostNetwork: true, containers: [{ name: "c", image: "other" }] });
    expect((await run({ ...update, object: other })).refused).not.toBe("");
  });

  it("leaves alone whom the configuration exempts", async () => {
    const config = podSecurityConfig({
      apiVersion: "pod-security.admission.config.k8s.io/v1",
      kind: "PodSecurityConfiguration",
      defaults: { enforce: "baseline", "warn-version": "v1.30" },
      exemptions: { usernames: ["trusted"], namespaces: ["system"], runtimeClasses: ["vm"] },
    });
    const objects = objectsOf(namespace("default"), namespace("system", { enforce: "restricted" }));
    expect((await run({ object: hostNetwork, objects }, config)).refused).not.toBe("");
    const exempt: [string, Partial<AdmissionAttributes>][] = [
      ["user", { user: { name: "trusted", groups: [] } }],
      ["namespace", { namespace: "system" }],
      ["runtimeClass", { object: pod("p", { hostNetwork: true, runtimeClassName: "vm" }) }],
    ];
    for (const [why, of] of exempt) {
      const { refused, annotations } = await run({ object: hostNetwork, objects, ...of }, config);
      expect([refused, annotations[`${P}exempt`]]).toEqual(["", why]);
    }
    const system = namespace("system", { enforce: "restricted" });
    const { warnings } = await run({ resource: "namespaces", namespace: "system", object: system, objects }, config);
    expect(warnings).toEqual([
      'namespace "system" is exempt from Pod Security, and the policy (enforce=restricted:latest) will be ignored',
    ]);
  });

  it("refuses labels that say nothing, unless they were there before", async () => {
    const of = { resource: "namespaces", namespace: "default", object: namespace("default", { enforce: "tight" }) };
    expect((await run(of)).refused).toBe(
      'Namespace "default" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "tight": must be one of privileged, baseline, restricted',
    );
    expect((await run({ ...of, operation: "UPDATE", oldObject: of.object })).refused).toBe("");
    expect((await run({ ...of, operation: "UPDATE", oldObject: namespace("default") })).refused).not.toBe("");
  });

  it("tells which pods a stricter namespace would not let in", async () => {
    const owned = {
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "r", uid: "r", controller: true }],
    };
    const objects = objectsOf(
      pod("web-1", { hostNetwork: true }, owned),
      pod("web-2", { hostNetwork: true }, owned),
      pod("web-3", { hostNetwork: true }, owned),
      pod("single", { hostPID: true, containers: [{ name: "c", securityContext: { privileged: true } }] }),
      pod("good"),
    );
    const update = (enforce: string, before: string) =>
      run({
        resource: "namespaces",
        operation: "UPDATE",
        object: namespace("default", { enforce }),
        oldObject: namespace("default", { enforce: before }),
        objects,
      });
    expect((await update("baseline", "privileged")).warnings).toEqual([
      'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
      "single: host namespaces, privileged",
      "web-1 (and 2 other pods): host namespaces",
    ]);
    expect((await update("baseline", "restricted")).warnings).toEqual([]);
    expect((await update("privileged", "restricted")).warnings).toEqual([]);
  });

  it.each([
    [{ defaults: { enforce: "tight" } }, /defaults\.enforce: Invalid value: "tight"/],
    [{ defaults: { enforces: "baseline" } }, /unknown field "defaults\.enforces"/],
    [{ exemptions: { namespaces: ["a", "a"] } }, /exemptions\.namespaces\[1\]: Duplicate value: "a"/],
    [{ kind: "Other" }, /expected pod-security/],
  ])("says what is wrong with a configuration: %j", (more, message) => {
    const document = { apiVersion: "pod-security.admission.config.k8s.io/v1", kind: "PodSecurityConfiguration" };
    expect(() => podSecurityConfig({ ...document, ...more })).toThrow(message);
  });
});
