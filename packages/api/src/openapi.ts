import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The generated documents lie beside the sources, or beside a bundle that was made of them. */
function documentsDir(): string {
  const candidates = [join(import.meta.dirname, "generated", "openapi"), join(import.meta.dirname, "openapi")];
  const found = candidates.find((dir) => existsSync(join(dir, "v2.json")));
  if (found === undefined)
    throw new Error(`OpenAPI documents are missing (looked in ${candidates.join(", ")}); run \`npm run generate\``);
  return found;
}

const texts = new Map<string, string>();

function read(name: string): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(join(documentsDir(), name), "utf8");
    texts.set(name, text);
  }
  return text;
}

/** JSON text of the OpenAPI v2 document of the built-in API, read on first use. Throws when it was not generated. */
export const openapiV2Text = (): string => read("v2.json");

/** The same document in protobuf (see encodeOpenapiV2), read anew at each call. */
export const openapiV2Protobuf = (): Uint8Array => readFileSync(join(documentsDir(), "v2.pb"));

/** The OpenAPI v2 document, parsed anew at each call: the caller may add to it. */
export const openapiV2 = (): Record<string, unknown> => JSON.parse(openapiV2Text()) as Record<string, unknown>;

export interface OpenAPIV3Index {
  /** By "api/v1", "apis/apps/v1", "apis/apps", "version", …; the URL carries the document's hash. */
  readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
}

export const openapiV3Index = (): OpenAPIV3Index => JSON.parse(read("v3/index.json")) as OpenAPIV3Index;

/** JSON text of one group version's OpenAPI v3 document ("apis/apps/v1"); undefined when there is none. */
export function openapiV3Text(groupVersion: string): string | undefined {
  return isV3(groupVersion) ? read(`v3/${groupVersion.replaceAll("/", "__")}.json`) : undefined;
}

/** The same document in protobuf (see encodeOpenapiV3), read anew at each call. */
export function openapiV3Protobuf(groupVersion: string): Uint8Array | undefined {
  if (!isV3(groupVersion)) return undefined;
  return readFileSync(join(documentsDir(), "v3", `${groupVersion.replaceAll("/", "__")}.pb`));
}

function isV3(groupVersion: string): boolean {
  return Object.hasOwn(openapiV3Index().paths, groupVersion);
}

export function openapiV3(groupVersion: string): Record<string, unknown> | undefined {
  const text = openapiV3Text(groupVersion);
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
}
