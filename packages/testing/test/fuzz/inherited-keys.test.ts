// Every map of every kind with keys that every JavaScript object has: whatever is thought of them, the server does not fail on them.
import type { TypeSchema } from "@knots/machinery";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestEnvironment } from "../../src/index.ts";
import { NAMESPACE } from "../objects.ts";
import { generate } from "./generate.ts";
import { Random } from "./random.ts";
import { collectionPath, targets } from "./targets.ts";
import { record, set } from "./values.ts";
import { WireClient } from "./wire-client.ts";

const KEYS = ["__proto__", "constructor", "toString", "hasOwnProperty"];
/** In every kind the same, or what pods are tried with: once is enough. */
const KNOWN = /ObjectMeta$|PodSpec$|JSONSchemaProps$/;

interface Place {
  readonly steps: readonly string[];
  readonly types: readonly TypeSchema[];
}

/** Where a type has maps, not deeper than once into a type that holds itself. */
function* mapsIn(type: TypeSchema, all: boolean, place: Place): Generator<Place> {
  const types = [...place.types, type];
  const inside = (step: string, inner: TypeSchema) => mapsIn(inner, all, { steps: [...place.steps, step], types });
  if (type.kind === "list") yield* inside("0", type.element);
  if (type.kind === "map") {
    yield { steps: place.steps, types };
    yield* inside("a", type.value);
  }
  if (type.kind !== "struct" || place.types.includes(type) || (!all && KNOWN.test(type.name))) return;
  for (const field of type.fields.values()) yield* inside(field.name, field.type);
}

/** A copy of the object in which the map at a place has the keys, and what it is in is there. */
function withKeys(object: object, { steps, types }: Place): object {
  const random = new Random(1);
  const copy = structuredClone(object);
  let at = copy as Record<string, unknown>;
  steps.forEach((step, index) => {
    const type = types[index + 1] as TypeSchema;
    const last = index === steps.length - 1;
    if (last && type.kind === "map") set(at, step, record(KEYS.map((key) => [key, generate(random, type.value, 2)])));
    else if (typeof at[step] !== "object" || at[step] === null) set(at, step, type.kind === "list" ? [] : {});
    at = at[step] as Record<string, unknown>;
  });
  return copy;
}

let environment: TestEnvironment;
let client: WireClient;
beforeAll(async () => {
  environment = await TestEnvironment.start({ disableAdmissionPlugins: ["ServiceAccount"] });
  client = new WireClient(environment.config);
  expect((await send("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } })).status).toBe(201);
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

const send = (method: string, path: string, body: object) =>
  client.send({
    method,
    path,
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(body)),
  });

const CASES = targets().flatMap((target) =>
  target.schema === undefined ? [] : [{ ...target, schema: target.schema }],
);

test.each(CASES)("$resource ($group $version)", { timeout: 60_000 }, async (target) => {
  const path = collectionPath(target, NAMESPACE);
  const object = { ...target.body, metadata: { name: target.base } };
  const stored = target.verbs.includes("get");
  if (stored) await send("POST", path, object);
  for (const place of mapsIn(target.schema, target.resource === "pods", { steps: [], types: [] })) {
    const body = withKeys(object, place);
    const answers = [
      await send("POST", `${path}?dryRun=All`, withKeys({ ...object, metadata: { name: "other" } }, place)),
    ];
    if (stored) answers.push(await send("PUT", `${path}/${target.base}?dryRun=All`, body));
    for (const { status, bytes } of answers)
      if (status >= 500) expect.fail(`${place.steps.join(".")} is answered with ${status}: ${String(bytes)}`);
  }
});
