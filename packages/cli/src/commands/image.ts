// image build, load, ls: images without a registry.
import { Command } from "commander";
import { resolve } from "node:path";
import { buildImage } from "../images/build.ts";
import { importArchive, listImages } from "../images/import.ts";
import { RECIPES } from "../images/recipes.ts";
import { newProgress } from "../progress.ts";
import { UserError } from "../user-error.ts";
import { requireRoot } from "../host/requirements.ts";
import { installMissing } from "../cluster/lifecycle.ts";
import { clusterPaths } from "../cluster/paths.ts";
import { readSpec } from "../cluster/spec.ts";
import { loadOwnImages, requireCluster, withCluster, type ClusterOptions } from "./cluster.ts";

async function build(names: string[], options: ClusterOptions): Promise<void> {
  const progress = newProgress();
  await installMissing(progress);
  const wanted = names.length === 0 ? RECIPES : names.map((name) => recipeNamed(name));
  for (const recipe of wanted) await progress.step(`Make ${recipe.image}`, () => buildImage(recipe));
  if (readSpec(clusterPaths(options.name, options.dataDir).specFile) !== undefined) {
    await progress.step(`Load them into cluster ${options.name}`, () => loadOwnImages(options));
  }
}

function recipeNamed(name: string): (typeof RECIPES)[number] {
  const recipe = RECIPES.find(
    (each) =>
      each.image === name || each.image.endsWith(`/${name}`) || each.image.replace(/^.*\//, "").split(":")[0] === name,
  );
  if (recipe === undefined)
    throw new UserError(`there is no recipe for ${name}; there are: ${RECIPES.map((each) => each.image).join(", ")}.`);
  return recipe;
}

async function load(file: string, options: ClusterOptions): Promise<void> {
  requireRoot();
  const { spec, paths } = requireCluster(options);
  const progress = newProgress();
  for (const node of spec.nodes.filter((each) => !each.stopped)) {
    await progress.step(`Load ${file} into ${node.name}`, () => importArchive(paths.node(node.name), resolve(file)));
  }
}

async function list(options: ClusterOptions & { output?: string }): Promise<void> {
  requireRoot();
  const { spec, paths } = requireCluster(options);
  const rows = await Promise.all(
    spec.nodes
      .filter((each) => !each.stopped)
      .map(async (node) => (await listImages(paths.node(node.name))).map((row) => ({ node: node.name, ...row }))),
  );
  if (options.output === "json") console.log(JSON.stringify(rows.flat(), null, 2));
  else
    for (const row of rows.flat())
      console.log(`${row.node.padEnd(12)} ${row.name.padEnd(48)} ${row.size.padStart(10)}`);
}

export function imageCommand(): Command {
  return new Command("image")
    .description("make, load and list images")
    .addCommand(
      withCluster(
        new Command("build")
          .argument("[image...]")
          .description("make images from Debian's packages and load them")
          .action(build),
      ),
    )
    .addCommand(
      withCluster(
        new Command("load").argument("<file>").description("load an image archive into every node").action(load),
      ),
    )
    .addCommand(withCluster(new Command("load-own").description("load the images made here").action(loadOwnImages)))
    .addCommand(
      withCluster(
        new Command("ls").description("images of every node").option("--output <format>", "json").action(list),
      ),
    );
}
