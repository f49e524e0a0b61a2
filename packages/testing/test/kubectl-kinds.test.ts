// Every kind that the server keeps, through every command of kubectl that takes any kind: one object of each, all in
// one call where the command can.
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { RESOURCES, type ResourceInfo } from "@knots/api";
import type { KubeObject } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";
import { DELETING, type Example, EXAMPLES, KEPT } from "./examples.ts";
import { kubectlInstalled, Kubectl } from "./kubectl-cli.ts";
import { NAMESPACE, OBJECTS } from "./objects.ts";

/**
 * kubectl asks no more than five things a second of an API group once it has asked ten: a file of all objects would wait
 * for that most of the time, several files with some of each group do not.
 */
const PARTS = 3;

const parts = Array.from({ length: PARTS }, (_, part) => EXAMPLES.filter((_, index) => index % PARTS === part));
const examples = parts.flat();
const identity = (example: Example | undefined): object => {
  const { apiVersion, kind, metadata } = example?.object ?? {};
  return { apiVersion, kind, name: metadata?.name };
};
/**
 * Of which kubectl says "configured" whatever it finds: it cannot see what the server would make of what it sends where a
 * list is compared as a whole and its items have defaults, where a quantity has a shorter form, or where a field is always replaced.
 */
const NEVER_UNCHANGED = new Set([
  "endpoints",
  "limitranges",
  "mutatingadmissionpolicies",
  "mutatingwebhookconfigurations",
  "networkpolicies",
  "poddisruptionbudgets",
  "resourceclaimtemplates",
  "resourcequotas",
  "validatingadmissionpolicies",
  "validatingwebhookconfigurations",
]);
const each = (word: string): string[] => examples.map(({ shown }) => `${shown} ${word}`);
const applied = (word: string): string[] =>
  examples.map(({ info, shown }) => `${shown} ${NEVER_UNCHANGED.has(info.resource) ? "configured" : word}`);
const lines = (text: string): string[] => text.trimEnd().split("\n");

test("there is an example of every kind", () => {
  for (const { group, version, resource } of KEPT)
    expect(OBJECTS, `an object of ${resource} of ${group}/${version}`).toHaveProperty([`${resource}.${group}`]);
});

describe.skipIf(!kubectlInstalled)("kubectl with every kind", { timeout: 60_000 }, () => {
  let environment: TestEnvironment;
  let kubectl: Kubectl;
  let all: readonly string[];
  beforeAll(async () => {
    environment = await TestEnvironment.start({
      controllers: DELETING,
      disableAdmissionPlugins: ["ServiceAccount"],
    });
    kubectl = await Kubectl.for(environment);
    await kubectl.line(`create namespace ${NAMESPACE}`);
    all = await written("all", ({ object }) => object);
  });
  afterAll(async () => {
    await environment[Symbol.asyncDispose]();
    await kubectl[Symbol.asyncDispose]();
  });

  /** Files of what `how` makes of each example; examples of which it makes nothing are left out. */
  const written = async (name: string, how: (example: Example) => object | undefined): Promise<readonly string[]> =>
    await Promise.all(
      parts.map(async (part, index) => {
        const items = part.map(how).filter((object) => object !== undefined);
        return await kubectl.file(`${name}-${index}.json`, { apiVersion: "v1", kind: "List", items });
      }),
    );
  /** A command about each of the files; what they print together, in the order of `examples`. */
  const tried = async (
    args: readonly string[],
    files: readonly string[] = all,
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ codes: Set<number>; out: string; err: string }> => {
    const outcomes = await Promise.all(files.map((file) => kubectl.tried([...args, "-f", file], "", env)));
    const joined = (which: "out" | "err"): string => outcomes.map((outcome) => outcome[which]).join("");
    return { codes: new Set(outcomes.map(({ code }) => code)), out: joined("out"), err: joined("err") };
  };
  const run = async (
    args: string | readonly string[],
    files: readonly string[] = all,
    env: NodeJS.ProcessEnv = {},
  ): Promise<string> => {
    const { codes, out, err } = await tried(typeof args === "string" ? args.split(" ") : args, files, env);
    expect([codes, err], `kubectl ${args.toString()}`).toEqual([new Set([0]), err]);
    return out;
  };
  const printed = async (
    args: string | readonly string[],
    files = all,
    env: NodeJS.ProcessEnv = {},
  ): Promise<string[]> => lines(await run(args, files, env));
  const filesOf = async (name: string, contents: readonly object[]): Promise<readonly string[]> =>
    await Promise.all(contents.map((content, index) => kubectl.file(`${name}-${index}.json`, content)));
  /** The objects of the files as they are now, in each part's list. */
  const lists = async (files = all, ...flags: string[]): Promise<{ items: KubeObject[] }[]> =>
    await Promise.all(
      files.map(
        async (file) =>
          JSON.parse(await kubectl.run(["get", "-f", file, "-o", "json", ...flags])) as { items: KubeObject[] },
      ),
    );
  const read = async (files = all, ...flags: string[]): Promise<KubeObject[]> =>
    (await lists(files, ...flags)).flatMap(({ items }) => items);

  test("api-resources lists them, by group, verb, scope, name and category", async () => {
    const ask = async (...flags: string[]): Promise<string[]> =>
      lines(await kubectl.run(["api-resources", "-o", "name", ...flags])).toSorted((a, b) => (a < b ? -1 : 1));
    const names = (list: readonly ResourceInfo[]): string[] =>
      [...new Set(list.map(({ resource, group }) => (group === "" ? resource : `${resource}.${group}`)))].toSorted(
        (a, b) => (a < b ? -1 : 1),
      );
    expect(await ask("--verbs=create,get")).toEqual(names(KEPT));
    expect(await ask("--namespaced=false", "--verbs=create,get")).toEqual(names(KEPT.filter((i) => !i.namespaced)));
    expect(await ask("--api-group=apps")).toEqual(names(RESOURCES.filter(({ group }) => group === "apps")));
    expect(await ask("--categories=all")).toEqual(
      names(RESOURCES.filter(({ categories }) => categories.includes("all"))),
    );
    const wide = await kubectl.run(["api-resources", "-o", "wide", "--sort-by=kind", "--no-headers"]);
    expect(wide).toMatch(/^componentstatuses +cs +v1 +false +ComponentStatus +get,list +$/m);
    expect(wide).toMatch(
      /^deployments +deploy +apps\/v1 +true +Deployment +create,delete,deletecollection,get,list,patch,update,watch +all$/m,
    );
  });

  test("create makes them, after dry runs of client and server", async () => {
    expect(await printed("create --dry-run=client")).toEqual(each("created (dry run)"));
    // What is in the namespace of the file is there already; nothing else is.
    expect(await printed("create --dry-run=server")).toEqual(each("created (server dry run)"));
    expect(await run("get --ignore-not-found -o name")).toBe("");
    expect(await printed("create --save-config")).toEqual(each("created"));
    const { codes, err } = await tried(["create"]);
    expect(codes).toEqual(new Set([1]));
    expect(err.match(/^Error from server \(AlreadyExists\)/gm)).toHaveLength(examples.length);
  });

  test("get finds each by every one of its names", async () => {
    expect(await printed("get -o name")).toEqual(examples.map(({ shown }) => shown));
    for (const [index, { apiVersion, kind, metadata }] of (await read()).entries())
      expect({ apiVersion, kind, name: metadata?.name }).toEqual(identity(examples[index]));
    const namesOf = async (words: Iterable<string>, ...more: string[]): Promise<Set<string>> =>
      new Set(lines(await kubectl.run(["get", [...new Set(words)].join(","), "-n", NAMESPACE, "-o", "name", ...more])));
    const dotted = (word: string, { group }: ResourceInfo): string => (group === "" ? word : `${word}.${group}`);
    const byFull = await namesOf(examples.map(({ full }) => full));
    expect(examples.filter(({ shown }) => !byFull.has(shown))).toEqual([]);
    for (const word of ["resource", "singular", "kind"] as const)
      expect(await namesOf(examples.map(({ info }) => dotted(info[word], info)))).toEqual(byFull);
    // Two resources are called "ev": the older group's is meant.
    const short = examples.filter(({ info }) => info.shortNames.length > 0 && info.group !== "events.k8s.io");
    expect(await namesOf(short.flatMap(({ info }) => info.shortNames))).toEqual(
      await namesOf(short.map(({ full }) => full)),
    );
    const everywhere = await namesOf(
      examples.map(({ full }) => full),
      "--all-namespaces",
    );
    expect(byFull.difference(everywhere)).toEqual(new Set());
  });

  test("get prints tables, narrow, wide, with labels, by the server and by itself", async () => {
    const narrow = await run("get");
    const wide = await run("get -o wide --show-labels");
    const own = await run("get --server-print=false");
    const isEvent = ({ info }: Example): boolean => info.kind === "Event";
    for (const text of [narrow, wide, own])
      expect(text.match(/^\S+\/\S+/gm)).toEqual(
        examples.filter((example) => text === own || !isEvent(example)).map(({ shown }) => shown),
      );
    const headers = narrow.match(/^[A-Z].*$/gm) ?? [];
    expect(headers.map((line) => /^\w+( SEEN)?/.exec(line)?.[0])).toEqual(
      examples.map((example) => (isEvent(example) ? "LAST SEEN" : "NAME")),
    );
    const selected = await kubectl.run(["get", "cm,secret,role", "-n", NAMESPACE, "-l", "none=so", "--no-headers"]);
    expect(selected).toBe("");
  });

  test("get prints yaml, jsonpath, templates and columns; describe a text", async () => {
    const names = examples.map(({ object }) => object.metadata.name);
    const form = async (output: string): Promise<string> => await run(["get", "-o", output]);
    const documents = (await form("yaml"))
      .split(/^(?=apiVersion: )/m)
      .map((text) => parse(text) as { items: KubeObject[] });
    expect(documents.flatMap(({ items }) => items).map(({ metadata }) => metadata?.name)).toEqual(names);
    expect(lines(await form("jsonpath={range .items[*]}{.metadata.name}{'\\n'}{end}"))).toEqual(names);
    expect(lines(await form("go-template={{range .items}}{{println .metadata.name}}{{end}}"))).toEqual(names);
    expect(lines(await form("custom-columns=NAME:.metadata.name")).filter((line) => line !== "NAME")).toEqual(names);
    // kubectl until v1.32 describes these in their beta versions, which a server of v1.36 does not serve.
    const late = new Set(["ipaddresses", "servicecidrs", "volumeattributesclasses"]);
    const { out, err } = await tried(["describe"]);
    const described = new Set([...out.matchAll(/^Name:\s+(\S+)$/gm)].map(([, name]) => name));
    for (const { info, object } of examples)
      if (!late.has(info.resource)) expect(described).toContain(object.metadata.name);
    expect(lines(err).filter((line) => !/could not find the requested resource|^Warning: |^$/.test(line))).toEqual([]);
  });

  test("apply, by itself and by the server, knows what is new, what changed and what did not", async () => {
    expect(await printed("apply")).toEqual(applied("unchanged"));
    const changed = await written("changed", ({ object }) => ({
      ...object,
      metadata: { ...object.metadata, labels: { applied: "yes" } },
    }));
    const differs = await tried(["diff"], changed);
    expect(differs.codes, differs.err).toEqual(new Set([1]));
    expect(differs.out.match(/^\+\s+applied: "yes"$/gm)).toHaveLength(examples.length);
    const apply = async (...flags: string[]): Promise<string[]> => await printed(["apply", ...flags], changed);
    expect(await apply()).toEqual(each("configured"));
    expect(await apply()).toEqual(applied("unchanged"));
    expect((await tried(["diff"], changed)).codes).toEqual(new Set([0]));
    // The server, too, finds another value than is there in a list whose items it has given defaults.
    expect(await apply("--server-side", "--force-conflicts")).toEqual(each("serverside-applied"));
    expect(await apply("--server-side", "--dry-run=server")).toEqual(each("serverside-applied (server dry run)"));
    expect((await tried(["diff", "--server-side"], changed)).codes).toEqual(new Set([0]));
    for (const { kind, metadata } of await read()) expect(metadata?.labels, kind).toMatchObject({ applied: "yes" });
    for (const { kind, metadata } of await read(changed, "--show-managed-fields"))
      expect(metadata?.managedFields, kind).toContainEqual(
        expect.objectContaining({ manager: "kubectl", operation: "Apply" }),
      );
  });

  test("label, annotate, patch in three types, replace and edit change them", async () => {
    expect(await printed("label walked=once --dry-run=server")).toEqual(each("labeled (server dry run)"));
    expect(await printed("label walked=once")).toEqual(each("labeled"));
    expect(await printed("label walked=twice --overwrite")).toEqual(each("labeled"));
    expect(await printed("annotate note=first-text")).toEqual(each("annotated"));
    const patched = async (type: string, patch: unknown, ...more: string[]): Promise<string[]> =>
      await printed(["patch", "--type", type, "-p", JSON.stringify(patch), ...more]);
    const label = (name: string): object => ({ metadata: { labels: { [name]: "yes" } } });
    expect(await patched("merge", label("merged"))).toEqual(each("patched"));
    expect(await patched("strategic", label("strategic"))).toEqual(each("patched"));
    expect(await patched("json", [{ op: "add", path: "/metadata/labels/json", value: "yes" }])).toEqual(
      each("patched"),
    );
    expect(await patched("merge", label("never"), "--dry-run=server")).toEqual(each("patched"));
    for (const { kind, metadata } of await read()) {
      expect(metadata?.labels, kind).toMatchObject({ walked: "twice", merged: "yes", strategic: "yes", json: "yes" });
      expect(metadata?.labels, kind).not.toHaveProperty("never");
    }
    expect(await printed("replace", await filesOf("read", await lists()))).toEqual(each("replaced"));
    const edit = ["edit", "-n", NAMESPACE];
    expect(await printed(edit, all, { EDITOR: "sed -i s/first-text/next-text/" })).toEqual(each("edited"));
    // In JSON, and printed as it is then.
    await run([...edit, "-o", "json"], all, { EDITOR: "sed -i s/next-text/last-text/" });
    for (const { kind, metadata } of await read())
      expect(metadata?.annotations, kind).toMatchObject({ note: "last-text" });
    expect(await printed("label walked-")).toEqual(each("unlabeled"));
    expect(await printed("annotate note-")).toEqual(each("annotated"));
  });

  test("status is read, patched and replaced apart, where there is one", async () => {
    const has = ({ info }: Example): boolean => info.subresources["status"] !== undefined;
    const files = await written("having", (example) => (has(example) ? example.object : undefined));
    const having = examples.filter(has);
    const current = await lists(files, "--subresource=status");
    expect(current.flatMap(({ items }) => items.map(({ kind }) => kind))).toEqual(having.map(({ info }) => info.kind));
    const status = "--subresource=status";
    expect(await printed(["patch", status, "--type=merge", "-p", '{"status":{}}'], files)).toEqual(
      having.map(({ shown }) => expect.stringContaining(`${shown} patched`) as string),
    );
    const again = await filesOf("again", await lists(files, status));
    expect(await printed(["replace", status], again)).toEqual(having.map(({ shown }) => `${shown} replaced`));
  });

  test("get --watch tells of their changes", async () => {
    const told = async ({ full, object, info }: Example): Promise<string[]> => {
      const { name } = object.metadata;
      const ask = ["get", full, name, "-n", NAMESPACE, "--watch", "--output-watch-events", "-L", "tick"];
      const child = kubectl.start(ask);
      const seen: string[] = [];
      try {
        for await (const line of createInterface(child.stdout)) {
          const [event = "", ...words] = line.trim().split(/\s+/);
          seen.push(`${event} ${words.at(-1) === "changed" ? "changed" : ""}`);
          if (event === "ADDED") await kubectl.run(["label", full, name, "-n", NAMESPACE, "tick=changed"]);
          if (event === "MODIFIED") return seen;
        }
        throw new Error(`the watch of ${info.resource} ended: ${seen.join("; ")}`);
      } finally {
        child.kill();
        await once(child, "close");
      }
    };
    const left = [...examples];
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift())
        expect(await told(next), next.full).toEqual(["EVENT ", "ADDED ", "MODIFIED changed"]);
    };
    await Promise.all(Array.from({ length: 6 }, worker));
  });

  test("wait waits for a field, for creation and for deletion", async () => {
    expect(await printed("wait --for=jsonpath={.metadata.labels.applied}=yes")).toEqual(each("condition met"));
    expect(await printed("wait --for=create")).toEqual(each("condition met"));
    const { codes, err } = await tried(["wait", "--for=jsonpath={.kind}=none", "--timeout=0"]);
    expect(codes).toEqual(new Set([1]));
    expect(err.match(/condition not met for /g)).toHaveLength(examples.length);
  });

  const deleted = (word: string): string[] =>
    examples.map(({ info, object }) => {
      const { kind, group } = info;
      return `${kind.toLowerCase()}${group === "" ? "" : `.${group}`} "${object.metadata.name}" ${word}`;
    });
  const none = async (): Promise<void> => expect(await run("get --ignore-not-found -o name")).toBe("");
  test("delete takes them away, in each of its ways", async () => {
    /** A newer kubectl says of which namespace. */
    const bare = (text: readonly string[]): string[] =>
      text.map((line) => line.replace(` from ${NAMESPACE} namespace`, "")).filter((line) => line !== "");
    expect(bare(await printed("delete --dry-run=server"))).toEqual(deleted("deleted (server dry run)"));
    expect(await printed("get -o name")).toHaveLength(examples.length);
    const cascade = async (...flags: string[]): Promise<void> =>
      expect(bare(await printed(["delete", ...flags]))).toEqual(deleted("deleted"));
    await cascade("--wait=false");
    await run("wait --for=delete --timeout=30s");
    await none();
    // The garbage collector does not look at events: one that waits for it waits for ever.
    const looked = await written("looked", ({ info, object }) => (info.kind === "Event" ? undefined : object));
    for (const [make, how] of [
      ["apply --server-side", "orphan"],
      ["create", "foreground"],
    ] as const) {
      await run(make, looked);
      await run(`delete --cascade=${how} --timeout=30s`, looked);
      await none();
    }
    await run("create");
    await run("delete --force --grace-period=0 --ignore-not-found");
    await none();
    expect(await run("delete --ignore-not-found")).toBe("");
    const missing = await tried(["delete"]);
    expect(missing.codes).toEqual(new Set([1]));
    expect(missing.err.match(/^Error from server \(NotFound\)/gm)).toHaveLength(examples.length);
  });
});
