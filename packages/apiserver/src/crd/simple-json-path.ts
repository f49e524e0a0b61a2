/**
 * The JSONPath of printer columns and selectable fields: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`,
 * `.spec.items[0]`, `.spec.items[*].name`, `.metadata.labels.a\.b`. Returns all values it finds.
 */
export type JsonPath = (object: unknown) => unknown[];

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly path: readonly string[]; readonly negated: boolean; readonly value: unknown };

const cache = new Map<string, JsonPath>();

/** Throws on what it does not understand. */
export function parseJsonPath(text: string): JsonPath {
  let path = cache.get(text);
  if (path === undefined) {
    const steps = parseSteps(text);
    path = (object) =>
      steps.reduce<unknown[]>((values, step) => values.flatMap((value) => apply(step, value)), [object]);
    cache.set(text, path);
  }
  return path;
}

/** The fields of a path that names exactly one value (`.spec.replicas`). Throws on any other. */
export function fieldsOfPath(text: string): string[] {
  return parseSteps(text).map((step) => {
    if (step.kind !== "field") throw new Error(`${JSON.stringify(text)} must be a simple path of fields`);
    return step.name;
  });
}

function parseSteps(text: string): Step[] {
  const steps: Step[] = [];
  let rest = text
    .trim()
    .replace(/^\{(.*)\}$/, "$1")
    .replace(/^\$/, "");
  while (rest !== "") {
    const field = /^\.?((?:[^.[\]\\]|\\.)+)/.exec(rest);
    const index = /^\[(-?\d+)\]/.exec(rest);
    const quoted = /^\[\s*(['"])(.*?)\1\s*\]/.exec(rest);
    const filter = /^\[\?\(\s*@\.([^=!\s]+)\s*(==|!=)(.+?)\)\]/.exec(rest);
    if (filter !== null) {
      const [all, path = "", operator, value = ""] = filter;
      steps.push({ kind: "filter", path: path.split("."), negated: operator === "!=", value: literal(value.trim()) });
      rest = rest.slice(all.length);
    } else if (/^\.?\[\*\]|^\.\*/.test(rest)) {
      steps.push({ kind: "all" });
      rest = rest.replace(/^\.?\[\*\]|^\.\*/, "");
    } else if (quoted !== null) {
      steps.push({ kind: "field", name: quoted[2] ?? "" });
      rest = rest.slice(quoted[0].length);
    } else if (index !== null) {
      steps.push({ kind: "index", index: Number(index[1]) });
      rest = rest.slice(index[0].length);
    } else if (field !== null) {
      steps.push({ kind: "field", name: (field[1] ?? "").replaceAll(/\\(.)/g, "$1") });
      rest = rest.slice(field[0].length);
    } else {
      throw new Error(`JSONPath ${JSON.stringify(text)} is not understood at ${JSON.stringify(rest)}`);
    }
  }
  return steps;
}

function literal(text: string): unknown {
  const quoted = /^(['"])(.*)\1$/.exec(text);
  if (quoted !== null) return quoted[2];
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function apply(step: Step, value: unknown): unknown[] {
  if (value === null || typeof value !== "object") return [];
  switch (step.kind) {
    case "field": {
      const found = (value as Record<string, unknown>)[step.name];
      return found === undefined ? [] : [found];
    }
    case "index": {
      const found = Array.isArray(value) ? (value.at(step.index) as unknown) : undefined;
      return found === undefined ? [] : [found];
    }
    case "all":
      return Object.values(value);
    case "filter":
      return Object.values(value).filter((item) => {
        let at: unknown = item;
        for (const name of step.path) at = (at as Record<string, unknown> | undefined | null)?.[name];
        return (at === step.value) !== step.negated;
      });
  }
}
