import { describe, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const pods = infoOf("pods");
const APPARMOR = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP = "seccomp.security.alpha.kubernetes.io/pod";
const MIRROR = "kubernetes.io/config.mirror";
const COST = "controller.kubernetes.io/pod-deletion-cost";
const ANNOTATIONS = "metadata.annotations";

const pod = (annotations: object, spec: object = {}): Loose => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default", annotations },
  spec: { initContainers: [{ name: "i", image: "i:1" }], containers: [{ name: "c", image: "i:1" }], ...spec },
});
const withProfile = (appArmorProfile: object): object => ({
  containers: [{ name: "c", image: "i:1", securityContext: { privileged: false, appArmorProfile } }],
});

/** Profiles of the init container and of the container after a create, and what it warns of. */
function synced(body: Loose): { profiles: unknown[]; warnings: string[] } {
  const warnings: string[] = [];
  const { spec } = created(pods, body, (text) => warnings.push(text));
  const of = (container: Loose): unknown => container.securityContext?.appArmorProfile;
  return { profiles: [of(spec.initContainers?.[0] ?? {}), of(spec.containers[0])], warnings };
}

const deprecated = (name: string): string =>
  `metadata.annotations[${APPARMOR}${name}]: deprecated since v1.30; use the "appArmorProfile" field instead`;

describe("AppArmor annotations of a new pod", () => {
  it("become fields of their containers", () => {
    const annotations = { [`${APPARMOR}i`]: "localhost/own", [`${APPARMOR}c`]: "unconfined" };
    expect(synced(pod(annotations))).toEqual({
      profiles: [{ type: "Localhost", localhostProfile: "own" }, { type: "Unconfined" }],
      warnings: [deprecated("i"), deprecated("c")],
    });
    expect(created(pods, pod(annotations)).metadata.annotations).toEqual(annotations);
    expect(synced(pod({ [`${APPARMOR}c`]: "runtime/default" })).profiles).toEqual([
      undefined,
      { type: "RuntimeDefault" },
    ]);
  });

  it("leave the rest of the security context, and fields that are there", () => {
    const { spec } = created(
      pods,
      pod(
        { [`${APPARMOR}c`]: "unconfined" },
        { containers: [{ name: "c", image: "i:1", securityContext: { runAsUser: 1 } }] },
      ),
    );
    expect(spec.containers[0].securityContext).toMatchObject({
      runAsUser: 1,
      appArmorProfile: { type: "Unconfined" },
    });
    const body = pod({ [`${APPARMOR}c`]: "unconfined" }, withProfile({ type: "RuntimeDefault" }));
    expect(synced(body)).toEqual({ profiles: [undefined, { type: "RuntimeDefault" }], warnings: [] });
  });

  it("are not repeated where the pod's profile says the same", () => {
    const ofPod = { securityContext: { appArmorProfile: { type: "Unconfined" } } };
    expect(synced(pod({ [`${APPARMOR}c`]: "unconfined" }, ofPod))).toEqual({
      profiles: [undefined, undefined],
      warnings: [],
    });
    expect(synced(pod({ [`${APPARMOR}c`]: "runtime/default" }, ofPod)).profiles[1]).toEqual({ type: "RuntimeDefault" });
  });

  it.each(["", "localhost/", "localhost/ padded", `localhost/${"x".repeat(4096)}`, "other"])(
    "are only warned of where no field can say %j",
    (annotation) =>
      expect(synced(pod({ [`${APPARMOR}c`]: annotation }))).toEqual({
        profiles: [undefined, undefined],
        warnings: [deprecated("c")],
      }),
  );

  it("mean nothing to Windows", () => {
    const body = pod({ [`${APPARMOR}c`]: "unconfined" }, { os: { name: "windows" } });
    expect(synced(body)).toEqual({ profiles: [undefined, undefined], warnings: [] });
  });
});

describe("validation of a pod's annotations", () => {
  const profileAt = "spec.containers[0].securityContext.appArmorProfile";

  it.each<[object, object, string[]]>([
    [{ [`${APPARMOR}none`]: "unconfined" }, {}, [`${ANNOTATIONS}[${APPARMOR}none]: container not found`]],
    [{ [`${APPARMOR}c`]: "x" }, {}, [`${ANNOTATIONS}[${APPARMOR}c]: invalid AppArmor profile name: "x"`]],
    [
      { [`${APPARMOR}c`]: "unconfined" },
      withProfile({ type: "RuntimeDefault" }),
      [`${profileAt}.type: apparmor type in annotation and field must match`],
    ],
    [
      { [`${APPARMOR}c`]: "localhost/a" },
      withProfile({ type: "Localhost", localhostProfile: "b" }),
      [`${profileAt}.localhostProfile: apparmor profile in annotation and field must match`],
    ],
    [{ [`${APPARMOR}c`]: "localhost/a" }, withProfile({ type: "Localhost", localhostProfile: "a" }), []],
    [{ [SECCOMP]: "localhost/../x" }, {}, [`${ANNOTATIONS}.${SECCOMP}: must not contain '..'`]],
    [{ [SECCOMP]: "none" }, {}, [`${ANNOTATIONS}.${SECCOMP}: must be a valid seccomp profile`]],
    [
      { [SECCOMP]: "unconfined" },
      { securityContext: { seccompProfile: { type: "RuntimeDefault" } } },
      ["spec.securityContext.seccompProfile.type: seccomp type in annotation and field must match"],
    ],
    [{ [SECCOMP]: "docker/default" }, { securityContext: { seccompProfile: { type: "RuntimeDefault" } } }, []],
    [{ [MIRROR]: "1" }, {}, [`${ANNOTATIONS}[${MIRROR}]: must set spec.nodeName if mirror pod annotation is set`]],
    [{ [MIRROR]: "1" }, { nodeName: "n" }, []],
    [{ [COST]: "2147483648" }, {}, [`${ANNOTATIONS}[${COST}]: must be a 32bit integer`]],
    [{ [COST]: "+1" }, {}, [`${ANNOTATIONS}[${COST}]: must be a 32bit integer`]],
    [{ [COST]: "08" }, {}, [`${ANNOTATIONS}[${COST}]: must be a 32bit integer`]],
    [{ [COST]: "-10" }, {}, []],
  ])("of %j with %j", (annotations, spec, errors) =>
    expect(createErrors(pods, pod(annotations, spec))).toEqual(errors),
  );

  it.each([
    [{ type: "Localhost" }, ["localhostProfile: must be set when AppArmor type is Localhost"]],
    [{ type: "Localhost", localhostProfile: "" }, ["localhostProfile: must be set when AppArmor type is Localhost"]],
    [{ type: "Localhost", localhostProfile: " a" }, ["localhostProfile: must not be padded with whitespace"]],
    // Names of profiles are no paths.
    [{ type: "Localhost", localhostProfile: "/usr/bin/../x" }, []],
    [
      { type: "Unconfined", localhostProfile: "a" },
      ["localhostProfile: can only be set when AppArmor type is Localhost"],
    ],
  ])("of the profile %j", (profile, errors) =>
    expect(createErrors(pods, pod({}, withProfile(profile)))).toEqual(errors.map((each) => `${profileAt}.${each}`)),
  );

  it.each(["", "status"])("keeps them through updates of %j", (subresource) => {
    const stored = created(pods, pod({ [`${APPARMOR}c`]: "unconfined", [COST]: "x" }));
    const errorsOf = (change: (annotations: Loose) => void): string[] =>
      updated(pods, stored, (it) => change(it.metadata.annotations), subresource).errors;
    expect(errorsOf((it) => (it[MIRROR] = "1"))).toContain(
      `${ANNOTATIONS}[${MIRROR}]: may not add mirror pod annotation`,
    );
    expect(errorsOf((it) => (it[`${APPARMOR}i`] = "unconfined"))).toEqual([
      `${ANNOTATIONS}[${APPARMOR}i]: may not add AppArmor annotations`,
    ]);
    expect(errorsOf((it) => (it[`${APPARMOR}c`] = "runtime/default"))).toEqual([
      `${ANNOTATIONS}[${APPARMOR}c]: may not remove or update AppArmor annotations`,
    ]);
    // What was no number may stay so.
    expect(errorsOf((it) => (it.other = "1"))).toEqual([]);
  });
});

it("lets no pod with scheduling gates have a node", () => {
  expect(createErrors(pods, pod({}, { nodeName: "n", schedulingGates: [{ name: "g" }] }))).toEqual([
    "spec.nodeName: cannot be set until all schedulingGates have been cleared",
  ]);
});

it("validates what templates say, which stay as they are", () => {
  const deployments = infoOf("deployments", "apps");
  const template = pod({ [`${APPARMOR}none`]: "unconfined", [`${APPARMOR}c`]: "unconfined" });
  template.metadata.labels = { app: "a" };
  const body = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d", namespace: "default" },
    spec: { selector: { matchLabels: { app: "a" } }, template },
  };
  expect(createErrors(deployments, body)).toEqual([`spec.template.annotations[${APPARMOR}none]: container not found`]);
  expect(created(deployments, body).spec.template.spec.containers[0].securityContext).toBeUndefined();
});
