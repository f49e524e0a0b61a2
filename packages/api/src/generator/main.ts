import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Descriptions } from "./descriptions.ts";
import { Facts, modulePath } from "./facts.ts";
import { ParameterTexts } from "./openapi-parameters.ts";
import { writeOpenAPI } from "./write-openapi.ts";
import { writeResourcesModule } from "./write-resources.ts";
import { writeSchemaModule } from "./write-schema.ts";
import { writeTypesModule } from "./write-types.ts";

const here = import.meta.dirname;
const target = join(here, "..", "generated");

/** Writes src/generated anew from facts/ and the doc comments of @kubernetes/client-node. */
function main(): void {
  const started = performance.now();
  const facts = new Facts(join(here, "..", "..", "facts"));
  const clientNode = dirname(createRequire(import.meta.url).resolve("@kubernetes/client-node"));
  const texts = new Descriptions(join(clientNode, "gen", "models"));
  const files = new Map<string, string | Uint8Array>();
  for (const pkg of facts.packages) files.set(`${modulePath(pkg.package)}.ts`, writeTypesModule(facts, texts, pkg));
  files.set("schema-data.ts", writeSchemaModule(facts));
  files.set("resources.ts", writeResourcesModule(facts));
  const parameters = new ParameterTexts(join(clientNode, "gen", "types", "ObjectParamAPI.d.ts"));
  for (const [path, content] of writeOpenAPI(facts, texts, parameters)) files.set(path, content);
  for (const [path, content] of files) {
    const file = join(target, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  console.log(`generated ${files.size} files in ${Math.round(performance.now() - started)} ms`);
}

main();
