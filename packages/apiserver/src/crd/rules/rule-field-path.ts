import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { valuesOf } from "@knots/cel/structural-schema";
import { isObject } from "../structural.ts";

interface Step {
  readonly name: string;
  readonly quoted: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "'": "'",
  "\\": "\\",
};

/** `.spec.items['a.b']` as steps. Throws an Error with upstream's words. */
function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  let rest = path;
  while (rest !== "") {
    if (rest.startsWith(".")) {
      const name = /^\.([^.[\]]+)/.exec(rest)?.[1];
      if (name === undefined)
        throw new Error(rest === "." ? "unexpected end of JSON path" : "does not refer to a valid field");
      steps.push({ name, quoted: false });
      rest = rest.slice(name.length + 1);
    } else if (rest.startsWith("[")) {
      const quoted = /^\['((?:[^'\\]|\\.)*)'\]/s.exec(rest);
      if (quoted === null)
        throw new Error(`expected single quoted string but got ${rest.slice(1).replace(/\].*$/s, "")}`);
      const name = (quoted[1] ?? "").replaceAll(/\\(.)/gs, (all: string, char: string) => {
        const plain = ESCAPES[char];
        if (plain === undefined) throw new Error(`invalid string literal: invalid escape char ${all}`);
        return plain;
      });
      steps.push({ name, quoted: true });
      rest = rest.slice(quoted[0].length);
    } else throw new Error(`expected [ or . but got: ${rest.replace(/[.[\]].*$/s, "")}`);
  }
  return steps;
}

/** Throws an Error when the path leads nowhere in the schema. */
export function checkRulePath(path: string, schema: JSONSchemaProps): void {
  let current: JSONSchemaProps | undefined = schema;
  for (const { name } of stepsOf(path)) {
    if (current.properties !== undefined) {
      current = Object.hasOwn(current.properties, name) ? current.properties[name] : undefined;
    } else current = isObject(current.additionalProperties) ? valuesOf(current) : undefined;
    if (current === undefined) throw new Error("does not refer to a valid field");
  }
}

/** The path as error texts continue with it; what is no path adds nothing (it was refused when it was written). */
export function fieldsOfRulePath(path: string): string {
  try {
    return stepsOf(path)
      .map(({ name, quoted }, i) => (quoted ? `[${name}]` : i === 0 ? name : `.${name}`))
      .join("");
  } catch {
    return "";
  }
}
