// `knots dns`: the cluster's DNS server in the foreground.
import { Client, loadKubeconfig } from "@knots/client";
import { newLogger, RealClock, shutdownRequested } from "@knots/machinery";
import { Command } from "commander";
import { DnsServer } from "./server.ts";

interface Flags {
  readonly kubeconfig: string;
  readonly bindAddress: string;
  readonly port: string;
  readonly clusterDomain: string;
  readonly upstream: readonly string[];
}

export function command(): Command {
  const collect = (text: string, known: string[]): string[] => [...known, ...text.split(",").filter(Boolean)];
  return new Command("dns")
    .description("answer DNS questions about the cluster's Services and pods")
    .requiredOption("--kubeconfig <file>", "how to reach the API server")
    .option("--bind-address <address>", "address to listen on", "0.0.0.0")
    .option("--port <port>", "UDP and TCP port", "53")
    .option("--cluster-domain <domain>", "domain of the cluster", "cluster.local")
    .option(
      "--upstream <address>",
      "name server for other names, address or address:port; may be repeated",
      collect,
      [],
    )
    .action(async (flags: Flags) => {
      const logger = newLogger({ name: "dns", level: "info" });
      const clock = new RealClock();
      const stopped = shutdownRequested();
      await using stack = new AsyncDisposableStack();
      const client = stack.use(new Client(loadKubeconfig(flags.kubeconfig), { logger, clock }));
      const server = stack.use(
        new DnsServer({
          client,
          clock,
          logger,
          bindAddress: flags.bindAddress,
          port: Number(flags.port),
          clusterDomain: flags.clusterDomain,
          upstreams: flags.upstream,
        }),
      );
      await server.start();
      await stopped;
    });
}
