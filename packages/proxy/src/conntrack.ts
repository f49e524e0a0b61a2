// UDP has no end of connection: a client that keeps its source port would be sent to a gone endpoint for ever.
import type { Logger } from "@knots/machinery";
import type { Runner } from "./run.ts";
import type { ServicePortModel } from "./service-ports.ts";

/** `conntrack` argument lists that forget what changed from `old` to `next`. Pure. */
export function staleFlows(old: readonly ServicePortModel[], next: readonly ServicePortModel[]): string[][] {
  const after = new Map(next.flatMap((port) => (port.protocol === "udp" ? [[port.id, port] as const] : [])));
  const before = new Map(old.flatMap((port) => (port.protocol === "udp" ? [[port.id, port] as const] : [])));
  const commands: string[][] = [];
  for (const port of before.values()) {
    const now = after.get(port.id);
    const left = now === undefined ? new Set<string>() : endpoints(now);
    for (const endpoint of endpoints(port)) {
      if (left.has(endpoint)) continue;
      for (const match of destinations(port)) commands.push(["-D", "-p", "udp", ...match, "--dst-nat", endpoint]);
    }
  }
  for (const port of after.values()) {
    // Flows that began while nobody answered have no translation and would keep none.
    const known = before.get(port.id);
    if (endpoints(port).size === 0 || (known !== undefined && endpoints(known).size > 0)) continue;
    for (const match of destinations(port)) commands.push(["-D", "-p", "udp", ...match]);
  }
  return commands;
}

function endpoints(port: ServicePortModel): Set<string> {
  return new Set([...port.cluster, ...port.local].map(({ ip }) => ip));
}

/** What the first packet of a flow to this port was sent to. */
function destinations(port: ServicePortModel): string[][] {
  const addresses = [...port.clusterIPs, ...port.externalIPs, ...port.loadBalancerIPs];
  return [
    ...addresses.map((ip) => ["--orig-dst", ip, "--dport", String(port.port)]),
    ...(port.nodePort === undefined ? [] : [["--dport", String(port.nodePort)]]),
  ];
}

/** Runs what staleFlows says. A flow that stays is an annoyance to one client: it is logged, and stops nothing else. */
export async function forgetFlows(commands: readonly string[][], run: Runner, logger: Logger): Promise<void> {
  for (const args of commands) {
    try {
      const { code, stderr } = await run("conntrack", args);
      // Exit code 1 with this text: there was nothing to forget.
      if (code === 0 || stderr.includes("0 flow entries")) continue;
      logger.warn({ args: args.join(" "), error: stderr.trim() }, "cannot forget UDP flows");
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      logger.warn({ error: words }, "cannot forget UDP flows: conntrack cannot be run (Debian's package conntrack)");
      return;
    }
  }
}
