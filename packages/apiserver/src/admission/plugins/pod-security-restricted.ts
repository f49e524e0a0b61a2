// What the restricted level demands beyond baseline. https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
import { procMount, seccompProfile } from "./pod-security-baseline.ts";
import {
  butUserNamespaces,
  butWindows,
  containerFinding,
  containersText,
  offending,
  plural,
  quoted,
  sorted,
} from "./pod-security-checks.ts";
import type { Check, CheckPod } from "./pod-security-checks.ts";

const VOLUMES = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

const privilegeEscalation: CheckPod = (spec) =>
  containerFinding(
    "allowPrivilegeEscalation != false",
    offending(spec, (context) => context.allowPrivilegeEscalation !== false),
    "must set securityContext.allowPrivilegeEscalation=false",
  );

const capabilities: CheckPod = (spec) => {
  const keeping = offending(spec, ({ capabilities: { drop = [] } = {} }) => !drop.includes("ALL"));
  const forbidden = new Set<string>();
  const adding = offending(spec, ({ capabilities: { add = [] } = {} }) => {
    const bad = add.filter((name) => name !== "NET_BIND_SERVICE");
    for (const name of bad) forbidden.add(name);
    return bad.length > 0;
  });
  const details = [
    ...(keeping.length === 0 ? [] : [`${containersText(keeping)} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(adding.length === 0
      ? []
      : [
          `${containersText(adding)} must not include ${quoted(sorted(forbidden))} in securityContext.capabilities.add`,
        ]),
  ];
  return details.length === 0 ? undefined : { reason: "unrestricted capabilities", detail: details.join("; ") };
};

const volumes: CheckPod = (spec) => {
  const bad = (spec.volumes ?? []).flatMap((volume) => {
    const sources = Object.keys(volume).filter((key) => key !== "name");
    return sources.some((source) => VOLUMES.has(source)) ? [] : [{ name: volume.name, type: sources[0] ?? "unknown" }];
  });
  if (bad.length === 0) return undefined;
  const types = sorted(new Set(bad.map(({ type }) => type)));
  return {
    reason: "restricted volume types",
    detail: `${plural("volume", bad)} ${quoted(bad.map(({ name }) => name))} ${bad.length === 1 ? "uses" : "use"} ${plural("restricted volume type", types)} ${quoted(types)}`,
  };
};

const runAsNonRoot: CheckPod = (spec) => {
  const reason = "runAsNonRoot != true";
  const pod = spec.securityContext?.runAsNonRoot;
  const explicit = offending(spec, (context) => context.runAsNonRoot === false);
  const setters = [...(pod === false ? ["pod"] : []), ...(explicit.length === 0 ? [] : [containersText(explicit)])];
  if (setters.length > 0)
    return { reason, detail: `${setters.join(" and ")} must not set securityContext.runAsNonRoot=false` };
  if (pod === true) return undefined;
  const names = offending(spec, (context) => context.runAsNonRoot === undefined);
  if (names.length === 0) return undefined;
  return { reason, detail: `pod or ${containersText(names)} must set securityContext.runAsNonRoot=true` };
};

const runAsUser: CheckPod = (spec) => {
  const names = offending(spec, (context) => context.runAsUser === 0);
  const setters = [
    ...(spec.securityContext?.runAsUser === 0 ? ["pod"] : []),
    ...(names.length === 0 ? [] : [containersText(names)]),
  ];
  if (setters.length === 0) return undefined;
  return { reason: "runAsUser=0", detail: `${setters.join(" and ")} must not set runAsUser=0` };
};

const seccomp: CheckPod = (spec, pod) => {
  const explicit = seccompProfile(spec, pod);
  if (explicit !== undefined || spec.securityContext?.seccompProfile !== undefined) return explicit;
  const names = offending(spec, (context) => context.seccompProfile === undefined);
  if (names.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${containersText(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

/** In the order of their names, in which findings are told after those of baseline. */
export const RESTRICTED: readonly Check[] = [
  {
    id: "allowPrivilegeEscalation",
    versions: [
      { since: 8, check: privilegeEscalation },
      { since: 25, check: butWindows(privilegeEscalation) },
    ],
  },
  {
    id: "capabilities_restricted",
    overrides: ["capabilities_baseline"],
    versions: [
      { since: 22, check: capabilities },
      { since: 25, check: butWindows(capabilities) },
    ],
  },
  { id: "procMount_restricted", overrides: ["procMount"], versions: [{ since: 0, check: procMount }] },
  { id: "restrictedVolumes", overrides: ["hostPathVolumes"], versions: [{ since: 0, check: volumes }] },
  {
    id: "runAsNonRoot",
    versions: [
      { since: 0, check: runAsNonRoot },
      { since: 35, check: butUserNamespaces(runAsNonRoot) },
    ],
  },
  {
    id: "runAsUser",
    versions: [
      { since: 23, check: runAsUser },
      { since: 35, check: butUserNamespaces(runAsUser) },
    ],
  },
  {
    id: "seccompProfile_restricted",
    overrides: ["seccompProfile_baseline"],
    versions: [
      { since: 19, check: seccomp },
      { since: 25, check: butWindows(seccomp) },
    ],
  },
];
