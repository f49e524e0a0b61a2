import { existsSync, readFileSync } from "node:fs";
import type { Json } from "./openapi-definitions.ts";

/** Texts of query parameters, by request interface and name, from the client's type declarations. */
export class ParameterTexts {
  readonly #byRequest = new Map<string, Map<string, string>>();

  constructor(file: string) {
    if (!existsSync(file)) return;
    const pattern = /export interface (\w+)Request \{\n([\s\S]*?)\n\}/g;
    for (const [, name = "", body = ""] of readFileSync(file, "utf8").matchAll(pattern)) {
      const texts = new Map<string, string>();
      for (const [, comment = "", field = ""] of body.matchAll(/\/\*\*\n([\s\S]*?)\*\/\n {4}'?(\w+)'?\??:/g)) {
        texts.set(field.replace(/^_/, ""), cleanComment(comment));
      }
      this.#byRequest.set(name, texts);
    }
  }

  of(request: string, parameter: string): string | undefined {
    return this.#byRequest.get(request)?.get(parameter);
  }
}

function cleanComment(comment: string): string {
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, ""));
  const end = lines.findIndex((line) => line.startsWith("Defaults to:"));
  return lines
    .slice(0, end < 0 ? lines.length : end)
    .join("\n")
    .trim()
    .replace(/\\?&#39;/g, "'")
    .replace(/\\?&quot;/g, '"')
    .replace(/\\?&#x60;/g, "`")
    .replace(/\\?&lt;/g, "<")
    .replace(/\\?&gt;/g, ">")
    .replace(/\\?&#x3D;/g, "=")
    .replace(/\\?&amp;/g, "&");
}

type ParameterType = "string" | "boolean" | "integer";

const TYPES: Readonly<Record<string, ParameterType>> = {
  allowWatchBookmarks: "boolean",
  watch: "boolean",
  sendInitialEvents: "boolean",
  force: "boolean",
  orphanDependents: "boolean",
  ignoreStoreReadErrorWithClusterBreakingPotential: "boolean",
  limit: "integer",
  timeoutSeconds: "integer",
  gracePeriodSeconds: "integer",
  follow: "boolean",
  insecureSkipTLSVerifyBackend: "boolean",
  previous: "boolean",
  timestamps: "boolean",
  limitBytes: "integer",
  sinceSeconds: "integer",
  tailLines: "integer",
  ports: "integer",
  stdin: "boolean",
  stdout: "boolean",
  stderr: "boolean",
  tty: "boolean",
};

/** The request whose texts describe a parameter, unless its own request has some. */
const SOURCES = [
  "CoreV1ApiListNamespacedPod",
  "CoreV1ApiDeleteCollectionNamespacedPod",
  "CoreV1ApiPatchNamespacedPod",
  "CoreV1ApiReadNamespacedPodLog",
];

export function queryParameter(texts: ParameterTexts, name: string, request?: string): Json {
  const description =
    (request === undefined ? undefined : texts.of(request, name)) ??
    SOURCES.map((source) => texts.of(source, name)).find((text) => text !== undefined);
  return {
    ...(description ? { description } : {}),
    in: "query",
    name,
    type: TYPES[name] ?? "string",
    uniqueItems: true,
  };
}

export function pathParameter(name: string, description: string): Json {
  return { description, in: "path", name, required: true, type: "string", uniqueItems: true };
}

export const LIST_PARAMETERS = [
  "allowWatchBookmarks",
  "continue",
  "fieldSelector",
  "labelSelector",
  "limit",
  "resourceVersion",
  "resourceVersionMatch",
  "sendInitialEvents",
  "shardSelector",
  "timeoutSeconds",
  "watch",
];
export const DELETE_PARAMETERS = [
  "dryRun",
  "gracePeriodSeconds",
  "ignoreStoreReadErrorWithClusterBreakingPotential",
  "orphanDependents",
  "propagationPolicy",
];
export const WRITE_PARAMETERS = ["dryRun", "fieldManager", "fieldValidation"];
/** What a collection's deletion takes of a list's parameters: it never watches. */
export const COLLECTION_PARAMETERS = LIST_PARAMETERS.filter(
  (name) => name !== "allowWatchBookmarks" && name !== "watch",
);
