// The baseline level: no known way out of a container. https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
import type { Probe } from "@knots/api/core/v1";
import {
  badSetters,
  butUserNamespaces,
  containerFinding,
  containersOf,
  containersText,
  offending,
  plural,
  quoted,
  sorted,
} from "./pod-security-checks.ts";
import type { Check, CheckPod } from "./pod-security-checks.ts";

const CAPABILITIES = new Set([
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

const SYSCTLS_1_0 = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_syncookies",
];
const SYSCTLS_1_27 = [...SYSCTLS_1_0, "net.ipv4.ip_local_reserved_ports"];
const SYSCTLS_1_29 = [
  ...SYSCTLS_1_27,
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
];
const SYSCTLS_1_32 = [...SYSCTLS_1_29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];

const SELINUX_TYPES_1_0 = ["", "container_t", "container_init_t", "container_kvm_t"];
const SELINUX_TYPES_1_31 = [...SELINUX_TYPES_1_0, "container_engine_t"];

const APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/";

const appArmor: CheckPod = (spec, { metadata }) => {
  const { setters, values } = badSetters(spec, ({ appArmorProfile: profile }) =>
    profile === undefined || ["RuntimeDefault", "Localhost"].includes(profile.type) ? undefined : profile.type,
  );
  const annotations = sorted(
    Object.entries(metadata?.annotations ?? {})
      .filter(
        ([key, value]) => key.startsWith(APPARMOR_ANNOTATION) && !/^($|runtime\/default$|localhost\/)/.test(value),
      )
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`),
  );
  if (annotations.length > 0) setters.push(plural("annotation", annotations));
  if (setters.length === 0) return undefined;
  const bad = [...values, ...annotations];
  // Upstream puts marks around what has some already, and does not escape them.
  const list = bad.map((value) => `"${value}"`).join(", ");
  return {
    reason: plural("forbidden AppArmor profile", bad),
    detail: `${setters.join(" and ")} must not set AppArmor profile type to ${list}`,
  };
};

const capabilities: CheckPod = (spec) => {
  const extra = new Set<string>();
  const names = offending(spec, ({ capabilities: { add = [] } = {} }) => {
    const bad = add.filter((capability) => !CAPABILITIES.has(capability));
    for (const capability of bad) extra.add(capability);
    return bad.length > 0;
  });
  return containerFinding(
    "non-default capabilities",
    names,
    `must not include ${quoted(sorted(extra))} in securityContext.capabilities.add`,
  );
};

const hostNamespaces: CheckPod = (spec) => {
  const used = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field] === true);
  if (used.length === 0) return undefined;
  return { reason: "host namespaces", detail: used.map((field) => `${field}=true`).join(", ") };
};

const hostPath: CheckPod = (spec) => {
  const names = (spec.volumes ?? []).filter((volume) => volume.hostPath !== undefined).map(({ name }) => name);
  return names.length === 0
    ? undefined
    : { reason: "hostPath volumes", detail: `${plural("volume", names)} ${quoted(names)}` };
};

const hostPorts: CheckPod = (spec) => {
  const ports = new Set<string>();
  const names = offending(spec, (_context, { ports: list = [] }) => {
    const used = list.flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
    for (const port of used) ports.add(port);
    return used.length > 0;
  });
  const list = sorted(ports);
  const verb = names.length === 1 ? "uses" : "use";
  return containerFinding("hostPort", names, `${verb} ${plural("hostPort", list)} ${list.join(", ")}`);
};

/** Where a handler of a probe or of the lifecycle goes, when that is not the pod itself. */
function hostsOf(handler: Pick<Probe, "httpGet" | "tcpSocket"> | undefined): string[] {
  return [handler?.httpGet?.host ?? "", handler?.tcpSocket?.host ?? ""].filter((host) => host !== "");
}

const hostProbes: CheckPod = (spec) => {
  const hosts = new Set<string>();
  const names = new Set<string>();
  for (const { name, livenessProbe, readinessProbe, startupProbe, lifecycle } of containersOf(spec)) {
    const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
    for (const host of handlers.flatMap(hostsOf)) {
      hosts.add(host);
      names.add(name);
    }
  }
  const list = sorted(names);
  const verb = list.length === 1 ? "uses" : "use";
  const forbidden = sorted(hosts);
  return containerFinding(
    "probe or lifecycle host",
    list,
    `${verb} ${plural("probe or lifecycle host", forbidden)} ${quoted(forbidden)}`,
  );
};

const privileged: CheckPod = (spec) =>
  containerFinding(
    "privileged",
    offending(spec, (context) => context.privileged === true),
    "must not set securityContext.privileged=true",
  );

export const procMount: CheckPod = (spec) => {
  const types = new Set<string>();
  const names = offending(spec, ({ procMount: type = "Default" }) => {
    if (type !== "Default") types.add(type);
    return type !== "Default";
  });
  return containerFinding("procMount", names, `must not set securityContext.procMount to ${quoted(sorted(types))}`);
};

const seLinux =
  (allowed: readonly string[]): CheckPod =>
  (spec) => {
    const types = new Set<string>();
    const fields = new Set<"user" | "role">();
    const { setters } = badSetters(spec, ({ seLinuxOptions: options }) => {
      if (options === undefined) return undefined;
      const { type = "", user = "", role = "" } = options;
      const badType = !allowed.includes(type);
      if (badType) types.add(type);
      if (user !== "") fields.add("user");
      if (role !== "") fields.add("role");
      return badType || user !== "" || role !== "" ? type : undefined;
    });
    if (setters.length === 0) return undefined;
    const list = sorted(types);
    const data = [
      ...(list.length === 0 ? [] : [`${plural("type", list)} ${quoted(list)}`]),
      ...(["user", "role"] as const).filter((field) => fields.has(field)).map((field) => `${field} may not be set`),
    ];
    return {
      reason: "seLinuxOptions",
      detail: `${setters.join(" and ")} set forbidden securityContext.seLinuxOptions: ${data.join("; ")}`,
    };
  };

/** Before the field there were annotations. */
const seccompAnnotations: CheckPod = (spec, { metadata }) => {
  const annotations = metadata?.annotations ?? {};
  const keys = [SECCOMP_POD_ANNOTATION, ...containersOf(spec).map(({ name }) => SECCOMP_CONTAINER_ANNOTATION + name)];
  const bad = new Set<string>();
  for (const key of keys) {
    const value = annotations[key];
    if (value !== undefined && !/^(runtime\/default$|docker\/default$|localhost\/)/.test(value))
      bad.add(`${key}=${JSON.stringify(value)}`);
  }
  if (bad.size === 0) return undefined;
  const list = sorted(bad);
  return { reason: "seccompProfile", detail: `forbidden ${plural("annotation", list)} ${list.join(", ")}` };
};

export const seccompProfile: CheckPod = (spec) => {
  const { setters, values } = badSetters(spec, ({ seccompProfile: profile }) =>
    profile === undefined || ["RuntimeDefault", "Localhost"].includes(profile.type) ? undefined : profile.type,
  );
  if (setters.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `${setters.join(" and ")} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
  };
};

const sysctls =
  (allowed: readonly string[]): CheckPod =>
  (spec) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
  };

const hostProcess: CheckPod = (spec) => {
  const pod = spec.securityContext?.windowsOptions?.hostProcess === true;
  const names = offending(spec, (context) => context.windowsOptions?.hostProcess === true);
  const setters = [...(pod ? ["pod"] : []), ...(names.length === 0 ? [] : [containersText(names)])];
  if (setters.length === 0) return undefined;
  return {
    reason: "hostProcess",
    detail: `${setters.join(" and ")} must not set securityContext.windowsOptions.hostProcess=true`,
  };
};

/** In the order of their names, in which findings are told. */
export const BASELINE: readonly Check[] = [
  { id: "appArmorProfile", versions: [{ since: 0, check: appArmor }] },
  { id: "capabilities_baseline", versions: [{ since: 0, check: capabilities }] },
  { id: "hostNamespaces", versions: [{ since: 0, check: hostNamespaces }] },
  { id: "hostPathVolumes", versions: [{ since: 0, check: hostPath }] },
  { id: "hostPorts", versions: [{ since: 0, check: hostPorts }] },
  { id: "hostProbesAndHostLifecycle", versions: [{ since: 34, check: hostProbes }] },
  { id: "privileged", versions: [{ since: 0, check: privileged }] },
  {
    id: "procMount",
    versions: [
      { since: 0, check: procMount },
      { since: 35, check: butUserNamespaces(procMount) },
    ],
  },
  {
    id: "seLinuxOptions",
    versions: [
      { since: 0, check: seLinux(SELINUX_TYPES_1_0) },
      { since: 31, check: seLinux(SELINUX_TYPES_1_31) },
    ],
  },
  {
    id: "seccompProfile_baseline",
    versions: [
      { since: 0, check: seccompAnnotations },
      { since: 19, check: seccompProfile },
    ],
  },
  {
    id: "sysctls",
    versions: [
      { since: 0, check: sysctls(SYSCTLS_1_0) },
      { since: 27, check: sysctls(SYSCTLS_1_27) },
      { since: 29, check: sysctls(SYSCTLS_1_29) },
      { since: 32, check: sysctls(SYSCTLS_1_32) },
    ],
  },
  { id: "windowsHostProcess", versions: [{ since: 0, check: hostProcess }] },
];
