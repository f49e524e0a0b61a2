// The command line. Components are loaded only when run, so that a process holds only its own code.
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { Command } from "commander";
import { cacheDir } from "./cluster/paths.ts";
import { UserError } from "./user-error.ts";

const COMPONENTS: Readonly<Record<string, () => Promise<{ command(): Command }>>> = {
  apiserver: () => import("@knots/apiserver/command"),
  "controller-manager": () => import("@knots/controllers/command"),
  scheduler: () => import("@knots/scheduler/command"),
  kubelet: () => import("@knots/kubelet/command"),
  dns: () => import("@knots/dns/command"),
  "kube-proxy": () => import("@knots/proxy/command"),
  "node-network": () => import("./components/node-network.ts"),
  threads: () => import("./threads/command.ts"),
};

async function main(argv: readonly string[]): Promise<void> {
  enableCompileCache(join(cacheDir(), "compile"));
  const name = argv[2] ?? "";
  const component = COMPONENTS[name];
  if (component !== undefined) {
    await (await component()).command().parseAsync(argv.slice(3), { from: "user" });
    return;
  }
  if (name === "supervise") {
    const { supervise } = await import("./supervisor/command.ts");
    await new Command("supervise")
      .requiredOption("--name <cluster>")
      .requiredOption("--data-dir <dir>")
      .action((options: { name: string; dataDir: string }) => supervise(options.name, options.dataDir))
      .parseAsync(argv.slice(3), { from: "user" });
    return;
  }
  const [{ clusterCommands }, { nodeCommand }, { imageCommand }, { testCommand }] = await Promise.all([
    import("./commands/cluster.ts"),
    import("./commands/node.ts"),
    import("./commands/image.ts"),
    import("./commands/test.ts"),
  ]);
  const program = new Command("knots").description("Kubernetes on Node.js").version("v1.36.0+knots.1");
  for (const command of clusterCommands()) program.addCommand(command);
  program.addCommand(nodeCommand());
  program.addCommand(imageCommand());
  program.addCommand(testCommand());
  program.addHelpText(
    "after",
    `\nComponents, each in the foreground with upstream's flags: ${Object.keys(COMPONENTS).join(", ")}.`,
  );
  await program.parseAsync(argv);
}

main(process.argv).catch((error: unknown) => {
  if (error instanceof UserError) console.error(`knots: ${error.message}`);
  else console.error(error);
  process.exitCode = 1;
});
