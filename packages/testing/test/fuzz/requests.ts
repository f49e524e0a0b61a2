// What is sent: valid requests with something wrong with them.
import { encodeProtobuf, hasProtobuf } from "@knots/api";
import { stringify } from "yaml";
import { generate, mutateBySchema } from "./generate.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { mutateJson } from "./mutate-json.ts";
import type { Random } from "./random.ts";
import { NAMESPACE } from "../objects.ts";
import { collectionPath, type Target } from "./targets.ts";
import { anyValue, KEYS, record, STRINGS } from "./values.ts";
import type { WireRequest } from "./wire-client.ts";

const JSON_TYPE = "application/json";
const YAML_TYPE = "application/yaml";
const PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf";
const BODY_TYPES = [
  "",
  "text/plain",
  "application/json; charset=utf-8",
  "application/json;stream=watch",
  "APPLICATION/JSON",
  "application/xml",
  "application/vnd.kubernetes.protobuf;stream=watch",
  ";",
  "*/*",
];
const PATCH_TYPES = ["json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"].map(
  (type) => `application/${type}`,
);
const ACCEPTS = [
  JSON_TYPE,
  JSON_TYPE,
  JSON_TYPE,
  YAML_TYPE,
  PROTOBUF_TYPE,
  `${PROTOBUF_TYPE}, ${JSON_TYPE}`,
  "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  `${PROTOBUF_TYPE};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`,
  "text/html",
  "*/*;q=0",
  ",;=,",
  "",
];

/** One request about a target. `current` is what is stored under its first name. */
export function makeRequest(random: Random, target: Target, current: Record<string, unknown> | undefined): WireRequest {
  const kind = random.below(20);
  const collection = collectionPath(target, NAMESPACE);
  const accept = random.chance(0.6) ? JSON_TYPE : random.pick(ACCEPTS);
  if (kind < 7) {
    const named = record(
      Object.entries({ ...target.body, metadata: { name: random.chance(0.1) ? target.base : "made" } }),
    );
    return {
      method: "POST",
      path: collection + writeQuery(random),
      ...withBody(random, mutateObject(random, target, named), accept),
    };
  }
  const sub = target.subresources.length > 0 && random.chance(0.3) ? `/${random.pick(target.subresources)}` : "";
  const path = `${collection}/${target.base}${sub}`;
  if (kind < 11) {
    const object = mutateObject(random, target, current ?? target.body);
    const method = sub !== "" && random.chance(0.3) ? "POST" : "PUT";
    return { method, path: path + writeQuery(random), ...withBody(random, object, accept) };
  }
  if (kind < 16)
    return {
      method: "PATCH",
      path: path + writeQuery(random, true),
      ...patch(random, target, current ?? target.body, accept),
    };
  if (kind < 17)
    return { method: "DELETE", path: path + deleteQuery(random), ...withBody(random, deleteOptions(random), accept) };
  return read(random, random.chance(0.5) ? path : collection, accept);
}

function mutateObject(random: Random, target: Target, object: Record<string, unknown>): unknown {
  if (target.schema !== undefined && random.chance(0.6)) return mutateBySchema(random, target.schema, object);
  if (target.schema !== undefined && random.chance(0.1)) {
    const { apiVersion, kind, metadata } = object;
    return { ...(generate(random, target.schema, 5) as object), apiVersion, kind, metadata };
  }
  return random.chance(0.85) ? mutateJson(random, object) : object;
}

function withBody(
  random: Random,
  value: unknown,
  accept: string,
): { headers: Record<string, string>; body: Uint8Array } {
  const { bytes, type } = encode(random, value);
  const body = random.chance(0.12) ? mutateBytes(random, bytes) : bytes;
  const contentType = random.chance(0.03) ? random.pick(BODY_TYPES) : type;
  return { headers: { accept, "content-type": contentType }, body };
}

function encode(random: Random, value: unknown): { bytes: Uint8Array; type: string } {
  const json = { bytes: Buffer.from(JSON.stringify(value) ?? ""), type: JSON_TYPE };
  const choice = random.below(10);
  if (choice === 0) return { bytes: Buffer.from(stringify(value, { version: "1.1" })), type: YAML_TYPE };
  if (choice !== 1) return json;
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  if (typeof apiVersion !== "string" || typeof kind !== "string" || !hasProtobuf(apiVersion, kind)) return json;
  try {
    return { bytes: encodeProtobuf(value as object), type: PROTOBUF_TYPE };
  } catch {
    // Of a shape that protobuf cannot say.
    return json;
  }
}

function patch(
  random: Random,
  target: Target,
  current: Record<string, unknown>,
  accept: string,
): { headers: Record<string, string>; body: Uint8Array } {
  const type = random.pick(PATCH_TYPES);
  let value: unknown;
  if (type.endsWith("json-patch+json")) value = random.chance(0.1) ? anyValue(random) : operations(random, current);
  else if (type.includes("apply"))
    value = mutateObject(random, target, { ...target.body, metadata: { name: target.base } });
  else
    value = random.chance(0.2)
      ? mutateJson(random, { metadata: { labels: { a: "b" } } })
      : partOf(random, target, current);
  let bytes: Uint8Array = Buffer.from(JSON.stringify(value) ?? "");
  if (random.chance(0.1)) bytes = Buffer.from(stringify(value));
  if (random.chance(0.1)) bytes = mutateBytes(random, bytes);
  const contentType = random.chance(0.03) ? random.pick([...BODY_TYPES, JSON_TYPE]) : type;
  return { headers: { accept, "content-type": contentType }, body: bytes };
}

/** Some fields of what the object might become, with directives among them now and then. */
function partOf(random: Random, target: Target, current: Record<string, unknown>): unknown {
  const { metadata, ...next } = { ...(mutateObject(random, target, current) as Record<string, unknown> | null) };
  const part = random.chance(0.3) ? { ...next, metadata } : next;
  return random.chance(0.4) ? mutateJson(random, part) : part;
}

function operations(random: Random, current: unknown): unknown {
  const paths = pointers(current);
  const pointer = (): unknown =>
    random.chance(0.7)
      ? random.pick(paths)
      : random.pick<unknown>([
          "",
          "/",
          "/-",
          "/spec/-",
          "/metadata/labels/~1",
          "/~",
          "/metadata/__proto__/x",
          "/spec/00",
          5,
          null,
        ]);
  return Array.from({ length: random.below(4) }, () => ({
    op: random.chance(0.95)
      ? random.pick(["add", "remove", "replace", "move", "copy", "test"])
      : random.pick<unknown>(["", "x", null]),
    path: pointer(),
    ...(random.chance(0.4) ? { from: pointer() } : {}),
    ...(random.chance(0.8) ? { value: anyValue(random) } : {}),
  }));
}

function pointers(value: unknown, prefix = "", found: string[] = [prefix]): string[] {
  if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      const pointer = `${prefix}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      found.push(pointer);
      pointers(each, pointer, found);
    }
  }
  return found;
}

function deleteOptions(random: Random): unknown {
  const options = {
    apiVersion: "v1",
    kind: "DeleteOptions",
    gracePeriodSeconds: 0,
    propagationPolicy: "Background",
    preconditions: { uid: "x" },
  };
  return mutateJson(random, options);
}

function read(random: Random, path: string, accept: string): WireRequest {
  const names = [
    "labelSelector",
    "fieldSelector",
    "limit",
    "continue",
    "resourceVersion",
    "resourceVersionMatch",
    "timeoutSeconds",
  ];
  const query = new URLSearchParams();
  for (let left = random.below(4); left > 0; left--) {
    const name = random.pick([...names, "pretty", "includeObject", "allowWatchBookmarks", "sendInitialEvents"]);
    query.append(name, random.chance(0.5) ? random.pick(STRINGS) : random.pick(VALUES));
  }
  const watch = random.chance(0.2);
  if (watch) query.set("watch", random.pick(["1", "true", "0", "x"]));
  // A revision of the future is waited for.
  if (/^[1-9]\d*$/.test(query.get("resourceVersion") ?? "")) query.set("resourceVersion", "1");
  const odd = random.chance(0.1)
    ? `${path}/${encodeURIComponent(random.pick([...STRINGS, ...KEYS]).toWellFormed())}`
    : path;
  const method = random.chance(0.05) ? random.pick(["HEAD", "OPTIONS", "TRACE", "QUERY", "POST"]) : "GET";
  return { method, path: `${odd}?${query.toString()}`, headers: { accept }, headersOnly: true };
}

const VALUES = [
  "app=web",
  "app in (web,x)",
  "!app",
  "app notin (",
  "a>1",
  "a=b=c",
  "x,,y",
  "metadata.name=base",
  "metadata.name!=base",
  "spec.nodeName=n",
  "status.phase=Running",
  "metadata.name=__proto__",
  "__proto__=x",
  "Exact",
  "NotOlderThan",
  "1",
  "0",
  "500",
  "-1",
  "1e3",
  "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0",
  "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiLi4vIn0",
  "bnVsbA",
];

function writeQuery(random: Random, isPatch = false): string {
  if (random.chance(0.6) && !isPatch) return "";
  const query = new URLSearchParams();
  if (random.chance(0.2)) query.set("dryRun", random.pick(["All", "all", "", "None"]));
  if (random.chance(0.2)) query.set("fieldValidation", random.pick(["Strict", "Warn", "Ignore", "strict"]));
  if (isPatch || random.chance(0.2))
    query.set("fieldManager", random.chance(0.9) ? "fuzz" : random.pick(STRINGS).toWellFormed());
  if (random.chance(0.2)) query.set("force", random.pick(["true", "false", "", "x"]));
  return `?${query.toString()}`;
}

function deleteQuery(random: Random): string {
  if (random.chance(0.5)) return "";
  const name = random.pick(["gracePeriodSeconds", "propagationPolicy", "orphanDependents", "dryRun"]);
  return `?${name}=${encodeURIComponent(random.pick([...STRINGS, "0", "Orphan", "Foreground", "All"]).toWellFormed())}`;
}
