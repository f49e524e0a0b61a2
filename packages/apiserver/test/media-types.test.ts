// Bodies whose type is not written as it should be, and what a DELETE says in its body; told in upstream's words.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectFailure } from "./expect-failure.ts";
import { Harness } from "./harness.ts";
import type { Answer } from "./harness.ts";

let api: Harness;
beforeAll(async () => {
  api = await Harness.start();
});
afterAll(() => api[Symbol.asyncDispose]());

const MAPS = "/api/v1/namespaces/default/configmaps";
const TYPE_META = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;
const NO_KIND = "couldn't get version/kind; json parse error: ";

const send = (body: string, type: string): Promise<Answer> => api.request("POST", MAPS, body, { "content-type": type });

describe("a body of a malformed media type", () => {
  it.each([
    "application/json;x",
    "application/json; a=b; a=c",
    "application/json/x",
    "application/x-yaml",
    // Off by default in v1.36 (CBORServingAndStorage).
    "application/cbor",
    "text/yaml",
  ])("%s", async (type) => {
    const message =
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf";
    expectFailure(await send("{}", type), 415, "UnsupportedMediaType", message);
    const deletion = await api.request("DELETE", `${MAPS}/a`, "{}", { "content-type": type });
    expectFailure(deletion, 415, "UnsupportedMediaType", message);
  });

  it("is read where it is well-formed", async () => {
    expect((await send('{"metadata":{"generateName":"a"}}', 'Application/JSON ; charset="utf-8";')).status).toBe(201);
  });

  it("of a patch is compared as it stands", async () => {
    const patch = (type: string): Promise<Answer> => api.request("PATCH", `${MAPS}/a`, "{}", { "content-type": type });
    expect((await patch("application/merge-patch+json;x")).status).toBe(404);
    for (const type of ["application/Merge-patch+json", "application/merge-patch+json ;x"])
      expect((await patch(type)).status).toBe(415);
  });
});

describe("DeleteOptions", () => {
  const doomed = `${MAPS}/doomed`;
  beforeAll(() => api.post(MAPS, { metadata: { name: "doomed" } }));
  const remove = (body: object | string, query = ""): Promise<Answer> =>
    api.request("DELETE", doomed + query, typeof body === "string" ? body : JSON.stringify(body), {
      "content-type": "application/json",
    });
  const scheme = 'in scheme "pkg/apis/meta/internalversion/scheme/register.go:27"';
  const invalid = (problem: string): string => `DeleteOptions.meta.k8s.io "" is invalid: ${problem}`;

  it.each<[object | string, string]>([
    [{ kind: "fixed" }, `no kind "fixed" is registered for version "meta.k8s.io/v1" ${scheme}`],
    [{ kind: "Pod", apiVersion: "v1" }, `no kind "Pod" is registered for version "v1" ${scheme}`],
    [{ kind: "ListOptions" }, "converting (v1.ListOptions) to (v1.DeleteOptions): unknown conversion"],
    [
      { kind: "APIResourceList", apiVersion: "v1" },
      "converting (v1.APIResourceList) to (v1.DeleteOptions): unknown conversion",
    ],
    [{ apiVersion: "a/b/c" }, "unexpected GroupVersion string: a/b/c"],
    [{ kind: true }, `${NO_KIND}json: cannot unmarshal bool into Go struct field .kind of type string`],
    [[], `${NO_KIND}json: cannot unmarshal array into Go value of type ${TYPE_META}`],
    ["{", `${NO_KIND}unexpected end of JSON input`],
    [
      { gracePeriodSeconds: "1" },
      "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
    ],
    [{ dryRun: "All" }, "json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string"],
  ])("%j cannot be read", async (body, message) => {
    expectFailure(await remove(body), 400, "BadRequest", message);
  });

  it.each<[object, string]>([
    [
      { propagationPolicy: "Soon" },
      'propagationPolicy: Unsupported value: "Soon": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
    [
      { propagationPolicy: "Orphan", orphanDependents: true, dryRun: ["Some"] },
      '[propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set, dryRun: Unsupported value: ["Some"]: supported values: "All"]',
    ],
  ])("%j are invalid", async (body, problem) => {
    expectFailure(await remove(body), 422, "Invalid", invalid(problem));
  });

  it("are those of the body alone where there is one, of any version", async () => {
    const options = { kind: "DeleteOptions", apiVersion: "of.some/group", dryRun: ["All"] };
    expect((await remove(options, "?propagationPolicy=Nonsense")).status).toBe(200);
    expect((await api.get(doomed)).status).toBe(200);
    expect((await remove({}, "?dryRun=All")).status).toBe(200);
    expect((await api.get(doomed)).status).toBe(404);
  });

  it("tell with 202 who asked for dependents in the old way that the object is still there", async () => {
    await api.post(MAPS, { metadata: { name: "doomed", finalizers: ["example.com/wait"] } });
    expect((await remove({ orphanDependents: false })).status).toBe(202);
    expect((await remove({})).status).toBe(200);
  });
});
