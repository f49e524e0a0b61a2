/** Environment variables that tell a container of the Services that existed when it started. */
import type { Service } from "@knots/api/core/v1";

const MASTER = new Set(["kubernetes"]);

/** The Services visible to a pod: those of its namespace (with service links), and always default/kubernetes. Own namespace wins. */
export function visibleServices(services: readonly Service[], namespace: string, links: boolean): Service[] {
  const byName = new Map<string, Service>();
  for (const service of services) {
    const ip = service.spec?.clusterIP ?? "";
    if (ip === "" || ip === "None" || (service.spec?.ports ?? []).length === 0) continue;
    const name = service.metadata?.name ?? "";
    const home = service.metadata?.namespace ?? "";
    if (home === "default" && MASTER.has(name) && !byName.has(name)) byName.set(name, service);
    if (home === namespace && links) byName.set(name, service);
  }
  return [...byName.values()];
}

export function serviceEnv(services: readonly Service[]): Map<string, string> {
  const env = new Map<string, string>();
  for (const service of services) {
    const prefix = envName(service.metadata?.name ?? "");
    const ip = service.spec?.clusterIP ?? "";
    const host = ip.includes(":") ? `[${ip}]` : ip;
    const ports = service.spec?.ports ?? [];
    env.set(`${prefix}_SERVICE_HOST`, ip);
    env.set(`${prefix}_SERVICE_PORT`, String(ports[0]?.port ?? ""));
    for (const port of ports) {
      if (port.name !== undefined && port.name !== "")
        env.set(`${prefix}_SERVICE_PORT_${envName(port.name)}`, String(port.port));
    }
    for (const [index, port] of ports.entries()) {
      const protocol = port.protocol ?? "TCP";
      const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
      if (index === 0) env.set(`${prefix}_PORT`, url);
      const each = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
      env.set(each, url);
      env.set(`${each}_PROTO`, protocol.toLowerCase());
      env.set(`${each}_PORT`, String(port.port));
      env.set(`${each}_ADDR`, ip);
    }
  }
  return env;
}

function envName(name: string): string {
  return name.replaceAll("-", "_").toUpperCase();
}
