// Custom resources in the OpenAPI documents, and what kubectl makes of them.
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CRDS, define, definition, version } from "../definitions.ts";
import { Harness } from "../harness.ts";
import type { Json } from "../harness.ts";

const kubectlInstalled = spawnSync("kubectl", ["version", "--client"]).status === 0;

const FOO = {
  description: "Foo CRD for Testing",
  type: "object",
  properties: {
    spec: {
      type: "object",
      description: "Specification of Foo",
      properties: {
        bars: {
          description: "List of Bars and their specs.",
          type: "array",
          items: {
            type: "object",
            required: ["name"],
            properties: {
              name: { description: "Name of Bar.", type: "string" },
              age: { description: "Age of Bar.", type: "string" },
              bazs: { description: "List of Bazs.", items: { type: "string" }, type: "array" },
            },
          },
        },
      },
    },
    status: { description: "Status of Foo", type: "object", properties: { phase: { type: "string" } } },
  },
};
const foo = (name: string, more: Json = {}): Json => version(name, { schema: { openAPIV3Schema: FOO }, ...more });
const keep = { "x-kubernetes-preserve-unknown-fields": true };

let api: Harness;
let directory: string;
beforeAll(async () => {
  api = await Harness.start();
  directory = await mkdtemp(join(tmpdir(), "knots-openapi-"));
  const { server, caData, clientCertData, clientKeyData } = api.server.loopbackConfig;
  const base64 = (pem: unknown): string => Buffer.from(String(pem)).toString("base64");
  const user = { "client-certificate-data": base64(clientCertData), "client-key-data": base64(clientKeyData) };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server, "certificate-authority-data": base64(caData) } }],
    users: [{ name: "test", user }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
  };
  await writeFile(join(directory, "config"), JSON.stringify(config));
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** com.example.GROUP.v1.Kind, as OpenAPI names a kind. */
const nameOf = (crd: Json, each: string): string =>
  `${crd.spec.group.split(".").toReversed().join(".")}.${each}.${crd.spec.names.kind}`;

/** Waits until both documents describe the version, or neither does. */
async function published(crd: Json, each: string, there = true): Promise<void> {
  const name = nameOf(crd, each);
  await vi.waitFor(
    async () => {
      const v2 = (await api.get("/openapi/v2")).body.definitions[name];
      const v3 = (await api.get(`/openapi/v3/apis/${crd.spec.group}/${each}`)).body?.components?.schemas?.[name];
      expect([v2 !== undefined, v3 !== undefined]).toEqual([there, there]);
      if (!there) return;
      for (const schema of [v2, v3]) {
        expect(schema.description).toBe(FOO.description);
        expect(schema.properties.spec).toEqual(FOO.properties.spec);
        expect(schema["x-kubernetes-group-version-kind"]).toEqual([
          { group: crd.spec.group, version: each, kind: crd.spec.names.kind },
        ]);
      }
    },
    { timeout: 10_000, interval: 20 },
  );
}

describe("OpenAPI documents", () => {
  // kubectl up to 1.26 asks for this form alone, under the older of its names.
  it.each([
    ["old", "spec.v2@v1.0+protobuf"],
    ["older", "spec.v2.v1.0+protobuf"],
  ])("are given to %s clients in protobuf: %s", async (age, form) => {
    const crd = definition("ages", `${age}.example.com`, [foo("v1")]);
    await define(api, crd);
    await published(crd, "v1");
    const answer = await api.get("/openapi/v2", { accept: `application/com.github.proto-openapi.${form}` });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    for (const name of [nameOf(crd, "v1"), "io.k8s.api.core.v1.Pod"])
      expect(Buffer.from(answer.bytes).includes(name)).toBe(true);
  });

  it.each(["spec.v3@v1.0+protobuf", "spec.v3.v1.0+protobuf"])("of v3 are given in protobuf: %s", async (form) => {
    const crd = definition("forms", `${form.includes("@") ? "old" : "new"}-forms.example.com`, [foo("v1")]);
    await define(api, crd);
    await published(crd, "v1");
    for (const [path, name] of [
      ["api/v1", "io.k8s.api.core.v1.Pod"],
      [`apis/${crd.spec.group}/v1`, nameOf(crd, "v1")],
    ] as const) {
      const json = await api.get(`/openapi/v3/${path}`);
      const accept = `application/com.github.proto-openapi.${form}`;
      const answer = await api.get(`/openapi/v3/${path}`, { accept });
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/com.github.proto-openapi.spec.v3.v1.0+protobuf");
      expect(answer.headers.etag).toBe(json.headers.etag);
      expect(Buffer.from(answer.bytes).includes(name)).toBe(true);
    }
  });

  it("of v3 stay the same at an address with their hash, and move on with it", async () => {
    const index = await api.get("/openapi/v3");
    const url = String(index.body.paths["apis/apps/v1"].serverRelativeURL);
    const current = await api.get(url);
    expect([current.status, current.headers["cache-control"]]).toEqual([200, "public, immutable"]);
    const stale = await api.get("/openapi/v3/apis/apps/v1?hash=0123");
    expect([stale.status, stale.headers.location]).toEqual([301, url]);
    expect((await api.get("/openapi/v3/apis/apps/v1")).headers["cache-control"]).toBe("no-cache, private");
  });

  it("are refused in forms that they do not have", async () => {
    expect((await api.get("/openapi/v3/api/v1", { accept: "application/vnd.kubernetes.protobuf" })).status).toBe(406);
    expect((await api.get("/openapi/v2", { accept: "application/vnd.kubernetes.protobuf" })).status).toBe(406);
  });

  it("describe definitions of different groups", async () => {
    const crds = [
      definition("ones", "first.example.com", [foo("v1")]),
      definition("twos", "second.example.com", [foo("v1beta1")]),
    ];
    for (const crd of crds) await define(api, crd);
    await published(crds[0], "v1");
    await published(crds[1], "v1beta1");
  });

  it("describe several versions of one definition, and of one group", async () => {
    const both = definition("multis", "versions.example.com", [foo("v2"), foo("v3", { storage: false })]);
    await define(api, both);
    const other = definition("others", "versions.example.com", [foo("v4")]);
    await define(api, other);
    await published(both, "v2");
    await published(both, "v3");
    await published(other, "v4");
  });

  it("describe several kinds of one group and version", async () => {
    const crds = ["larges", "smalls"].map((plural) => definition(plural, "kinds.example.com", [foo("v6")]));
    for (const crd of crds) await define(api, crd);
    for (const crd of crds) await published(crd, "v6");
  });

  it("follow when a version is renamed", async () => {
    const crd = definition("renameds", "renamed.example.com", [foo("v2"), foo("v3", { storage: false })]);
    await define(api, crd);
    await published(crd, "v3");
    const versions = [foo("v2"), foo("v4", { storage: false })];
    expect((await api.patch(`${CRDS}/${crd.metadata.name}`, { spec: { versions } })).status).toBe(200);
    await published(crd, "v4");
    await published(crd, "v3", false);
    await published(crd, "v2");
  });

  it("leave out a version that is not served any more", async () => {
    const crd = definition("stoppeds", "stopped.example.com", [foo("v5"), foo("v6", { storage: false })]);
    await define(api, crd);
    await published(crd, "v6");
    const versions = [foo("v5"), foo("v6", { storage: false, served: false })];
    expect((await api.patch(`${CRDS}/${crd.metadata.name}`, { spec: { versions } })).status).toBe(200);
    await published(crd, "v6", false);
    await published(crd, "v5");
  });
});

// What kubectl does with the documents does not depend on the store.
const once = kubectlInstalled && (process.env["KNOTS_TEST_STORE"] ?? "memory") === "memory";

describe.skipIf(!once)("kubectl", { timeout: 60_000 }, () => {
  interface Result {
    readonly code: number;
    readonly text: string;
  }
  const kubectl = (args: readonly string[], object?: object): Promise<Result> =>
    new Promise((resolve) => {
      const env = { ...process.env, KUBECONFIG: join(directory, "config"), HOME: directory };
      const child = execFile("kubectl", args, { env }, (error, out, err) =>
        resolve({ code: error === null ? 0 : 1, text: out + err }),
      );
      child.stdin?.end(object === undefined ? "" : JSON.stringify(object));
    });
  it("reads the document in protobuf, built-in kinds and custom ones", async () => {
    const crd = definition("leafs", "binary.example.com", [foo("v1")]);
    await define(api, crd);
    await published(crd, "v1");
    const v2 = "--output=plaintext-openapiv2";
    const pod = await kubectl(["explain", "pods.spec.containers.livenessProbe", v2]);
    expect(pod.text).toMatch(/RESOURCE: livenessProbe <Object>[^]*failureThreshold\s+<integer>/);
    const explained = await kubectl(["explain", "leafs.spec.bars", v2]);
    expect(explained.text).toMatch(
      /KIND: {5}Leaf\n[^]*RESOURCE: bars <\[\]Object>[^]*List of Bars and their specs\.[^]*name\s+<string> -required-/,
    );
  });

  const custom = (crd: Json, content: object): object => ({
    apiVersion: `${crd.spec.group}/v1`,
    kind: crd.spec.names.kind,
    metadata: { name: "test-cr" },
    ...content,
  });
  /** create, delete, apply, delete. */
  async function accepted(crd: Json, content: object): Promise<void> {
    for (const verb of ["create", "apply"]) {
      expect(await kubectl([verb, "-f", "-"], custom(crd, content))).toMatchObject({ code: 0 });
      const removed = await kubectl(["delete", crd.metadata.name, "test-cr"]);
      expect(removed).toMatchObject({ code: 0 });
    }
  }
  const explained = async (what: string): Promise<string> => {
    const { code, text } = await kubectl(["explain", what]);
    expect([code, text]).toEqual([0, text]);
    return text;
  };

  it("validates and explains a definition with a schema", async () => {
    const crd = definition("foos", "kubectl.example.com", [foo("v1")]);
    await define(api, crd);
    await accepted(crd, { spec: { bars: [{ name: "test-bar" }] } });
    for (const verb of ["create", "apply"]) {
      const unknown = await kubectl([verb, "-f", "-"], custom(crd, { spec: { foo: true } }));
      expect(unknown).toEqual({ code: 1, text: expect.stringMatching(/unknown field "(spec\.)?foo"/) as string });
      const missing = await kubectl([verb, "-f", "-"], custom(crd, { spec: { bars: [{ age: "10" }] } }));
      expect(missing.code).toBe(1);
      expect(missing.text).toMatch(/spec\.bars\[0\]\.name: Required value|missing required field "name"/);
    }
    const all = await explained("foos.kubectl.example.com");
    expect(all).toMatch(
      /DESCRIPTION:[^]*Foo CRD for Testing[^]*FIELDS:[^]*apiVersion[^]*<string>[^]*spec[^]*Specification of Foo/,
    );
    expect(await explained("foos.kubectl.example.com.metadata")).toMatch(
      /creationTimestamp[^]*CreationTimestamp is a timestamp/,
    );
    expect(await explained("foos.kubectl.example.com.spec")).toMatch(
      /bars\s+<\[\]Object>[^]*List of Bars and their specs/,
    );
    expect(await explained("foos.kubectl.example.com.spec.bars")).toMatch(
      /bazs\s+<\[\]string>[^]*List of Bazs[^]*name\s+<string>[^]*Name of Bar/,
    );
    const nothing = await kubectl(["explain", "foos.kubectl.example.com.spec.bars2"]);
    expect(nothing).toEqual({ code: 1, text: expect.stringContaining('field "bars2" does not exist') as string });
  });

  it("takes any field of a definition without a schema, and explains it", async () => {
    const crd = definition("empties", "kubectl.example.com", [version("v1")], {
      names: { plural: "empties", singular: "empty", kind: "Empty" },
    });
    await define(api, crd);
    await accepted(crd, { a: { b: [{ c: "d" }] } });
    expect(await explained("empties.kubectl.example.com")).toMatch(/DESCRIPTION:\s+<empty>/);
  });

  it("takes any field where the root keeps unknown ones, and explains the kind", async () => {
    const described = {
      ...keep,
      type: "object",
      description: "preserve-unknown-properties at root for Testing",
      properties: FOO.properties,
    };
    const crd = definition("roots", "kubectl.example.com", [version("v1", { schema: { openAPIV3Schema: described } })]);
    await define(api, crd);
    await accepted(crd, { a: { b: [{ c: "d" }] } });
    expect(await explained("roots.kubectl.example.com")).toMatch(/KIND:\s+Root/);
  });

  it("takes any field where an inner object keeps unknown ones, and explains that", async () => {
    const nested = {
      description: "preserve-unknown-properties in nested field for Testing",
      type: "object",
      properties: { spec: { ...keep, type: "object", description: "Specification of Waldo" } },
    };
    const crd = definition("nesteds", "kubectl.example.com", [version("v1", { schema: { openAPIV3Schema: nested } })]);
    await define(api, crd);
    await accepted(crd, { spec: { a: null, b: [{ c: "d" }] } });
    expect(await explained("nesteds.kubectl.example.com")).toContain(
      "preserve-unknown-properties in nested field for Testing",
    );
  });
});
