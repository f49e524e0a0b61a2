import type { Container, Pod, PodSpec, SecurityContext } from "@knots/api/core/v1";

export type SecurityLevel = "baseline" | "restricted";

/** What of a pod is against a level. */
export interface Finding {
  readonly reason: string;
  readonly detail: string;
}

type Check = (pod: Pod, spec: PodSpec) => Finding | undefined;

const BASELINE_CAPABILITIES = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);

const SAFE_SYSCTLS = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
]);

const RESTRICTED_VOLUMES = new Set([
  "name",
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

function containersOf(spec: PodSpec): readonly Container[] {
  return [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...((spec.ephemeralContainers ?? []) as Container[]),
  ];
}

function offending(spec: PodSpec, bad: (context: SecurityContext, container: Container) => boolean): string[] {
  return containersOf(spec)
    .filter((container) => bad(container.securityContext ?? {}, container))
    .map(({ name }) => name);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

function plural(word: string, names: readonly unknown[]): string {
  return names.length === 1 ? word : `${word}s`;
}

function containerFinding(reason: string, names: readonly string[], says: string): Finding | undefined {
  if (names.length === 0) return undefined;
  return { reason, detail: `${plural("container", names)} ${quoted(names)} ${says}` };
}

const hostNamespaces: Check = (_pod, spec) => {
  const used = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field] === true);
  if (used.length === 0) return undefined;
  return { reason: "host namespaces", detail: used.map((field) => `${field}=true`).join(", ") };
};

const privileged: Check = (_pod, spec) =>
  containerFinding(
    "privileged",
    offending(spec, (context) => context.privileged === true),
    "must not set securityContext.privileged=true",
  );

const baselineCapabilities: Check = (_pod, spec) => {
  const extra = new Set<string>();
  const names = offending(spec, ({ capabilities }) => {
    const bad = (capabilities?.add ?? []).filter((capability) => !BASELINE_CAPABILITIES.has(capability));
    for (const capability of bad) extra.add(capability);
    return bad.length > 0;
  });
  return containerFinding(
    "non-default capabilities",
    names,
    `must not include ${quoted([...extra].sort())} in securityContext.capabilities.add`,
  );
};

const hostPath: Check = (_pod, spec) => {
  const names = (spec.volumes ?? []).filter((volume) => volume.hostPath !== undefined).map(({ name }) => name);
  return names.length === 0
    ? undefined
    : { reason: "hostPath volumes", detail: `${plural("volume", names)} ${quoted(names)}` };
};

const hostPorts: Check = (_pod, spec) => {
  const ports = new Set<number>();
  const names = offending(spec, (_context, { ports: list }) => {
    const used = (list ?? []).flatMap((port) =>
      port.hostPort !== undefined && port.hostPort !== 0 ? [port.hostPort] : [],
    );
    for (const port of used) ports.add(port);
    return used.length > 0;
  });
  const list = [...ports].sort((a, b) => a - b);
  return containerFinding(
    "hostPort",
    names,
    `${names.length === 1 ? "uses" : "use"} ${plural("hostPort", list)} ${list.join(", ")}`,
  );
};

const appArmor: Check = (_pod, spec) => {
  const names = offending(spec, (context) => context.appArmorProfile?.type === "Unconfined");
  return containerFinding(
    "forbidden AppArmor profile",
    names,
    'must not set securityContext.appArmorProfile.type to "Unconfined"',
  );
};

const seLinux: Check = (_pod, spec) => {
  const allowed = new Set([undefined, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"]);
  const names = offending(
    spec,
    ({ seLinuxOptions: options }) => !allowed.has(options?.type) || Boolean(options?.user) || Boolean(options?.role),
  );
  return containerFinding("seLinuxOptions", names, "set forbidden securityContext.seLinuxOptions");
};

const procMount: Check = (_pod, spec) => {
  if (spec.hostUsers === false) return undefined;
  const names = offending(spec, (context) => context.procMount !== undefined && context.procMount !== "Default");
  return containerFinding("procMount", names, 'must not set securityContext.procMount to "Unmasked"');
};

const baselineSeccomp: Check = (_pod, spec) => {
  if (spec.securityContext?.seccompProfile?.type === "Unconfined") {
    return { reason: "seccompProfile", detail: 'pod must not set securityContext.seccompProfile.type to "Unconfined"' };
  }
  const names = offending(spec, (context) => context.seccompProfile?.type === "Unconfined");
  return containerFinding("seccompProfile", names, 'must not set securityContext.seccompProfile.type to "Unconfined"');
};

const sysctls: Check = (_pod, spec) => {
  const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !SAFE_SYSCTLS.has(name));
  return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
};

const hostProcess: Check = (_pod, spec) => {
  const names = offending(spec, (context) => context.windowsOptions?.hostProcess === true);
  return containerFinding("hostProcess", names, "must not set securityContext.windowsOptions.hostProcess=true");
};

const restrictedVolumes: Check = (_pod, spec) => {
  const bad = (spec.volumes ?? []).flatMap((volume) => {
    const type = Object.keys(volume).find((key) => !RESTRICTED_VOLUMES.has(key));
    return type === undefined ? [] : [{ name: volume.name, type }];
  });
  if (bad.length === 0) return undefined;
  const types = [...new Set(bad.map(({ type }) => type))].sort();
  return {
    reason: "restricted volume types",
    detail: `${plural("volume", bad)} ${quoted(bad.map(({ name }) => name))} ${bad.length === 1 ? "uses" : "use"} restricted volume ${plural("type", types)} ${quoted(types)}`,
  };
};

const privilegeEscalation: Check = (_pod, spec) =>
  containerFinding(
    "allowPrivilegeEscalation != false",
    offending(spec, (context) => context.allowPrivilegeEscalation !== false),
    "must set securityContext.allowPrivilegeEscalation=false",
  );

const restrictedCapabilities: Check = (_pod, spec) => {
  const names = offending(spec, ({ capabilities }) => !(capabilities?.drop ?? []).includes("ALL"));
  const added = offending(spec, ({ capabilities }) =>
    (capabilities?.add ?? []).some((name) => name !== "NET_BIND_SERVICE"),
  );
  const details = [
    ...(names.length === 0
      ? []
      : [`${plural("container", names)} ${quoted(names)} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(added.length === 0
      ? []
      : [
          `${plural("container", added)} ${quoted(added)} must not include other than "NET_BIND_SERVICE" in securityContext.capabilities.add`,
        ]),
  ];
  return details.length === 0 ? undefined : { reason: "unrestricted capabilities", detail: details.join("; ") };
};

const runAsNonRoot: Check = (_pod, spec) => {
  const pod = spec.securityContext?.runAsNonRoot;
  const explicit = offending(spec, (context) => context.runAsNonRoot === false);
  const setters = [
    ...(pod === false ? ["pod"] : []),
    ...(explicit.length === 0 ? [] : [`${plural("container", explicit)} ${quoted(explicit)}`]),
  ];
  if (setters.length > 0) {
    const detail = `${setters.join(" and ")} must not set securityContext.runAsNonRoot=false`;
    return { reason: "runAsNonRoot != true", detail };
  }
  if (pod === true) return undefined;
  const names = offending(spec, (context) => context.runAsNonRoot !== true);
  if (names.length === 0) return undefined;
  return {
    reason: "runAsNonRoot != true",
    detail: `pod or ${plural("container", names)} ${quoted(names)} must set securityContext.runAsNonRoot=true`,
  };
};

const runAsUser: Check = (_pod, spec) => {
  if (spec.securityContext?.runAsUser === 0) return { reason: "runAsUser=0", detail: "pod must not set runAsUser=0" };
  return containerFinding(
    "runAsUser=0",
    offending(spec, (context) => context.runAsUser === 0),
    "must not set runAsUser=0",
  );
};

const restrictedSeccomp: Check = (_pod, spec) => {
  const good = new Set(["RuntimeDefault", "Localhost"]);
  const pod = spec.securityContext?.seccompProfile?.type;
  const names = offending(spec, ({ seccompProfile }) => !good.has(seccompProfile?.type ?? pod ?? ""));
  if (names.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${plural("container", names)} ${quoted(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

const BASELINE: readonly Check[] = [
  appArmor,
  baselineCapabilities,
  hostNamespaces,
  hostPath,
  hostPorts,
  privileged,
  procMount,
  seLinux,
  baselineSeccomp,
  sysctls,
  hostProcess,
];

const RESTRICTED: readonly Check[] = [
  ...BASELINE.filter((check) => check !== baselineCapabilities && check !== hostPath && check !== baselineSeccomp),
  privilegeEscalation,
  restrictedCapabilities,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  restrictedSeccomp,
];

/** What of a pod is against the level, in upstream's order; empty when nothing is. */
export function checkPodSecurity(pod: Pod, level: SecurityLevel): Finding[] {
  const { spec } = pod;
  if (spec === undefined) return [];
  const windows = spec.os?.name === "windows";
  return (level === "restricted" ? RESTRICTED : BASELINE)
    .filter(
      (check) =>
        !windows || (check !== privilegeEscalation && check !== restrictedCapabilities && check !== restrictedSeccomp),
    )
    .map((check) => check(pod, spec))
    .filter((finding) => finding !== undefined);
}
