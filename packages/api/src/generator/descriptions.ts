import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { modulePath } from "./facts.ts";

/** Texts of one model: its own and those of its properties, as the API reference has them. */
export interface ModelTexts {
  readonly description: string;
  readonly properties: ReadonlyMap<string, string>;
}

const NONE: ModelTexts = { description: "", properties: new Map() };

/** Doc comments of the type declarations of @kubernetes/client-node, read at build time only. */
export class Descriptions {
  readonly #dir: string;
  readonly #files: ReadonlySet<string>;
  readonly #cache = new Map<string, ModelTexts>();

  constructor(dir: string) {
    this.#dir = dir;
    this.#files = new Set(existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith(".d.ts")) : []);
  }

  /** Texts of e.g. ("io.k8s.api.core.v1", "Pod"); empty texts where the declarations lack the model. */
  of(pkg: string, type: string): ModelTexts {
    const key = `${pkg}.${type}`;
    let texts = this.#cache.get(key);
    if (!texts) {
      texts = this.#read(pkg, type);
      this.#cache.set(key, texts);
    }
    return texts;
  }

  #read(pkg: string, type: string): ModelTexts {
    const [group = "", version = ""] = modulePath(pkg).split("/");
    const prefix = version.charAt(0).toUpperCase() + version.slice(1);
    // Names that occur in several groups carry their group: CoreV1Event, EventsV1Event.
    const qualified = `${group.charAt(0).toUpperCase()}${group.slice(1)}${prefix}${type}.d.ts`;
    const plain = `${prefix}${type}.d.ts`;
    const file = this.#files.has(qualified) ? qualified : this.#files.has(plain) ? plain : undefined;
    return file ? parseDeclaration(readFileSync(join(this.#dir, file), "utf8")) : NONE;
  }
}

/** Property names that are words of the language are written differently in the declarations. */
function propertyName(declared: string): string {
  if (declared === "ref" || declared === "schema") return `$${declared}`;
  return declared.startsWith("x_kubernetes_") ? declared.replaceAll("_", "-") : declared.replace(/^_/, "");
}

/** Reads class comment and property comments from a generated declaration file. */
export function parseDeclaration(text: string): ModelTexts {
  const properties = new Map<string, string>();
  let description = "";
  const pattern = /\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\n(?:export declare class (\w+)| {4}'(\w+)'\??:)/g;
  for (const match of text.matchAll(pattern)) {
    const comment = cleanComment(match[1] ?? "");
    if (match[2]) description = comment;
    else if (match[3]) properties.set(propertyName(match[3]), comment);
  }
  return { description, properties };
}

function cleanComment(raw: string): string {
  return raw
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim()
    .replace(/\\(['"`\\])/g, "$1")
    .replaceAll("*_/", "*/");
}
