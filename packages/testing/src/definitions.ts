// CustomResourceDefinitions that a test needs before it begins.
import { type CustomResourceDefinition, customResourceDefinitions } from "@knots/api/apiextensions/v1";
import type { Client } from "@knots/client";
import type { Clock } from "@knots/machinery";
import { parseAllDocuments } from "yaml";

export type Definition = CustomResourceDefinition;

const POLL_MS = 10;
const PATIENCE_MS = 10_000;

/** The CustomResourceDefinitions among a file's documents; other kinds are left out. Throws where the YAML cannot be read. */
export function parseDefinitions(text: string): Definition[] {
  return parseAllDocuments(text, { version: "1.1" }).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const object = document.toJS() as Definition | null;
    return object?.kind === "CustomResourceDefinition" ? [object] : [];
  });
}

/** Creates them and waits until the server serves them all. Throws what the server says of one that is not valid. */
export async function installDefinitions(
  client: Client,
  clock: Clock,
  definitions: readonly Definition[],
): Promise<void> {
  const resource = client.resource(customResourceDefinitions);
  await Promise.all(definitions.map((definition) => resource.create(definition)));
  for (const { metadata } of definitions) {
    const deadline = clock.monotonic() + PATIENCE_MS;
    for (;;) {
      const { status } = await resource.get(metadata?.name ?? "");
      const conditions = status?.conditions ?? [];
      if (conditions.some(({ type, status: is }) => type === "Established" && is === "True")) break;
      if (clock.monotonic() > deadline) {
        const why = conditions.map(({ type, message }) => `${type}: ${message}`).join("; ");
        throw new Error(`CustomResourceDefinition ${metadata?.name} was not established: ${why || "no condition"}`);
      }
      await clock.sleep(POLL_MS);
    }
  }
}
