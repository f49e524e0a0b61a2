import { readFileSync } from "node:fs";
import { join } from "node:path";
import { canonical, type Json, METHODS, type OpenApiDocument, operation } from "./openapi-digest.ts";

/**
 * Compares the generated OpenAPI v2 document with one that a reference server publishes, given as argument:
 * definitions without texts, operations with ids, media types, parameters and responses. Prints what share of the
 * reference's members that both know agrees, and the first differences.
 */
function main(referenceFile: string | undefined): void {
  if (!referenceFile) throw new Error("usage: node compare.ts SWAGGER.json");
  const reference = JSON.parse(readFileSync(referenceFile, "utf8")) as OpenApiDocument;
  const ours = JSON.parse(
    readFileSync(join(import.meta.dirname, "../generated/openapi/v2.json"), "utf8"),
  ) as OpenApiDocument;
  report("definitions", compareDefinitions(ours, reference));
  report("operations", compareOperations(ours, reference));
  report("descriptions", compareDescriptions(ours, reference));
}

interface Result {
  readonly agreeing: number;
  readonly total: number;
  readonly absent: string[];
  readonly differences: string[];
}

function report(what: string, result: Result): void {
  const share = ((100 * result.agreeing) / Math.max(1, result.total)).toFixed(2);
  console.log(`${what}: ${result.agreeing} of ${result.total} agree (${share} %), ${result.absent.length} absent here`);
  for (const line of result.differences.slice(0, 25)) console.log(`  ${line}`);
}

function compareDefinitions(ours: OpenApiDocument, reference: OpenApiDocument): Result {
  const absent: string[] = [];
  const differences: string[] = [];
  let agreeing = 0;
  let total = 0;
  for (const [name, theirs] of Object.entries(reference.definitions)) {
    const own = ours.definitions[name];
    if (!own) {
      absent.push(name);
      continue;
    }
    total++;
    const [left, right] = [canonical(own), canonical(theirs)];
    if (left === right) agreeing++;
    else differences.push(`${name}\n    ours   ${around(left, right)}\n    theirs ${around(right, left)}`);
  }
  return { agreeing, total, absent, differences };
}

function compareOperations(ours: OpenApiDocument, reference: OpenApiDocument): Result {
  const absent: string[] = [];
  const differences: string[] = [];
  let agreeing = 0;
  let total = 0;
  for (const [path, item] of Object.entries(reference.paths)) {
    for (const method of METHODS.filter((each) => each in item)) {
      const own = ours.paths[path];
      if (!own?.[method]) {
        absent.push(`${method} ${path}`);
        continue;
      }
      total++;
      const left = operation(ours, own, method);
      const right = operation(reference, item, method);
      if (left === right) agreeing++;
      else differences.push(`${method} ${path}\n    ours   ${around(left, right)}\n    theirs ${around(right, left)}`);
    }
  }
  return { agreeing, total, absent, differences };
}

function compareDescriptions(ours: OpenApiDocument, reference: OpenApiDocument): Result {
  let agreeing = 0;
  let total = 0;
  for (const [name, theirs] of Object.entries(reference.definitions)) {
    const own = ours.definitions[name];
    if (!own) continue;
    for (const [field, property] of Object.entries((theirs.properties ?? {}) as Record<string, Json>)) {
      if (!property.description) continue;
      total++;
      const text = ((own.properties ?? {}) as Record<string, Json>)[field]?.description;
      if (text === property.description) agreeing++;
    }
  }
  return { agreeing, total, absent: [], differences: [] };
}

function around(text: string, other: string): string {
  let start = 0;
  while (start < text.length && text[start] === other[start]) start++;
  return text.slice(Math.max(0, start - 60), start + 160);
}

main(process.argv[2]);
