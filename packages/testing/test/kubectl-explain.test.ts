// `kubectl explain`: of every kind in every version, with all that it has. kubectl reads it from OpenAPI v3; what it must say
// is what the types declare.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RESOURCES, type ResourceInfo, schemaFor } from "@knots/api";
import type { TypeSchema } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";
import { kubectlInstalled, Kubectl } from "./kubectl-cli.ts";

/** How explain shows a type. */
function shown(schema: TypeSchema): string {
  switch (schema.kind) {
    case "list":
      return `[]${shown(schema.element)}`;
    case "map":
      return `map[string]${shown(schema.value)}`;
    case "struct":
      return schema.name;
    case "any":
      return "*";
    case "scalar":
      return SCALARS[schema.scalar] ?? "string";
  }
}
const SCALARS: Readonly<Record<string, string>> = {
  bool: "boolean",
  int32: "integer",
  int64: "integer",
  float64: "number",
  quantity: "Quantity",
  "int-or-string": "IntOrString",
};

/** The struct that a field leads to, through lists and maps. */
function inner(schema: TypeSchema): Extract<TypeSchema, { kind: "struct" }> | undefined {
  if (schema.kind === "list") return inner(schema.element);
  if (schema.kind === "map") return inner(schema.value);
  return schema.kind === "struct" ? schema : undefined;
}

/** `spec.replicas <integer>` of all that a type has; a type within itself is not opened again. */
function declared(schema: TypeSchema, path = "", within: readonly string[] = []): string[] {
  const struct = inner(schema);
  if (struct === undefined || within.includes(struct.name)) return [];
  return [...struct.fields]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, field]) => [
      `${path}${name} <${shown(field.type)}>`,
      ...declared(field.type, `${path}${name}.`, [...within, struct.name]),
    ]);
}

/** The same of what explain printed. */
function explained(text: string): string[] {
  const path: string[] = [];
  const lines = text.slice(text.indexOf("FIELDS:\n") + "FIELDS:\n".length).split("\n");
  return lines.flatMap((line) => {
    const [, indent = "", name = "", type = ""] = /^( +)(\S+)\t<(.*)>(?: -required-)?$/.exec(line) ?? [];
    if (name === "") return [];
    path.length = indent.length / 2 - 1;
    path.push(name);
    return [`${path.join(".")} <${type}>`];
  });
}

describe.skipIf(!kubectlInstalled)("kubectl explain", { concurrent: true, timeout: 60_000 }, () => {
  let environment: TestEnvironment;
  let kubectl: Kubectl;
  beforeAll(async () => {
    environment = await TestEnvironment.start();
    kubectl = await Kubectl.for(environment);
  });
  afterAll(async () => {
    await environment[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  const versionOf = ({ group, version }: ResourceInfo): string => (group === "" ? version : `${group}/${version}`);

  test.each(RESOURCES.map((info) => [`${info.resource} of ${versionOf(info)}`, info] as const))(
    "names all fields of %s, and their types",
    async (_, info) => {
      const text = await kubectl.line(`explain ${info.resource} --api-version=${versionOf(info)} --recursive`);
      const { group, kind, version } = info;
      expect(text).toMatch(
        new RegExp(
          `^${group === "" ? "" : `GROUP: +${group}\\n`}KIND: +${kind}\\nVERSION: +${version}\\n\\nDESCRIPTION:\\n`,
        ),
      );
      const schema = schemaFor(info);
      if (schema === undefined) throw new Error(`no schema of ${kind}`);
      // Free content is shown as whatever it may be.
      const free = (line: string): string => line.replace(/<(\[\])?(map\[string\])?\*>$/, "<*>");
      const expected = declared(schema).map(free);
      const open = new Set(expected.filter((line) => line.endsWith("<*>")).map((line) => line.replace(" <*>", "")));
      const got = explained(text).map((line) => {
        const [name = ""] = line.split(" ", 1);
        return open.has(name) ? `${name} <*>` : line;
      });
      expect(got).toEqual(expected);
    },
  );

  test("opens a field, tells what is required and what it may be, and knows short names", async () => {
    expect(await kubectl.line("explain pod.spec.containers.ports")).toMatch(
      /^KIND: +Pod\nVERSION: +v1\n\nFIELD: ports <\[\]ContainerPort>\n[^]*containerPort\t<integer> -required-\n[^]*protocol\t<string>\n {2}enum: SCTP, TCP, UDP\n/,
    );
    expect(await kubectl.line("explain po.status.message")).toMatch(/FIELD: message <string>/);
    expect(await kubectl.line("explain hpa --api-version=autoscaling/v1")).toMatch(
      /KIND: +HorizontalPodAutoscaler\nVERSION: +v1\n/,
    );
    expect(await kubectl.line("explain deploy.spec --output=plaintext-openapiv2")).toMatch(
      /FIELDS:\n[^]*replicas\t<integer>/,
    );
    expect(await kubectl.fails("explain pod.spec.none")).toBe('error: field "none" does not exist\n');
    expect(await kubectl.fails("explain deployments --api-version=apps/v9")).toMatch(
      /couldn't find resource|no matches for/,
    );
  });
});
