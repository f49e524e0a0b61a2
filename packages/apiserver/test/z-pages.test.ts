// /statusz and /flagz, which upstream serves since v1.36 without a feature gate being set, and /debug/flags.
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectFailure } from "./expect-failure.ts";
import { Harness } from "./harness.ts";

let api: Harness;
let verbosity = 2;
beforeAll(async () => {
  api = await Harness.start({
    server: {
      flags: { "secure-port": "6443", v: "2" },
      setVerbosity(given) {
        verbosity = given;
      },
    },
  });
});
afterAll(async () => api[Symbol.asyncDispose]());

const object = (page: string, version = "v1beta1", type = "application/json"): string =>
  `${type};v=${version};g=config.k8s.io;as=${page}`;

it.each(["", "text/plain", "*/*", `${object("Statusz", "foo")},*/*`])("are texts for %j", async (accept) => {
  const answer = await api.get("/statusz", { accept });
  expect(answer.status).toBe(200);
  expect(answer.headers["content-type"]).toBe(accept === "" ? "text/plain; charset=utf-8" : "text/plain");
  expect(answer.text).toMatch(/^\napiserver statusz\nWarning: This endpoint is not meant to be machine parseable/);
  expect(answer.text).toMatch(/\nPaths[:= ]+\/flagz \/healthz \/livez \/metrics \/readyz \/statusz \/version\n$/);
  expect((await api.get("/flagz", { accept: "text/plain" })).text).toMatch(
    /^\napiserver flagz\nWarning: [^\n]+\nsecure-port[:= ]+6443\nv[:= ]+2\n$/,
  );
});

it("are objects for who asks for them by name", async () => {
  const answer = await api.get("/statusz", { accept: object("Statusz") });
  expect(answer.headers["content-type"]).toBe("application/json;g=config.k8s.io;v=v1beta1;as=Statusz");
  expect(answer.headers["warning"]).toBeUndefined();
  expect(answer.body).toMatchObject({
    kind: "Statusz",
    apiVersion: "config.k8s.io/v1beta1",
    metadata: { name: "apiserver" },
    emulationVersion: "1.36",
  });
  const flags = await api.get("/flagz", { accept: object("Flagz", "v1beta1", "application/yaml") });
  expect(flags.text).toContain('flags:\n  secure-port: "6443"\n  v: "2"\n');
});

it("warn of the older version", async () => {
  const { headers, body } = await api.get("/flagz", { accept: `${object("Flagz", "v1alpha1")},${object("Flagz")}` });
  expect(body.apiVersion).toBe("config.k8s.io/v1alpha1");
  expect(headers["warning"]).toBe(
    '299 - "This version of the flagz endpoint is deprecated. Please use a newer version."',
  );
});

it.each([
  "application/json",
  "application/json;v=v1beta1;g=config.k8s.io",
  "application/xml",
  object("Statusz", "v1beta1", "application/vnd.kubernetes.protobuf"),
])("are nothing for %s", async (accept) => {
  const message =
    "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf, text/plain";
  const answer = await api.get("/statusz", { accept });
  if (accept.includes("protobuf")) expect(answer.status).toBe(406);
  else expectFailure(answer, 406, "NotAcceptable", message);
});

it("the verbosity can be set while the server runs", async () => {
  const put = (body: string) => api.request("PUT", "/debug/flags/v", body);
  expect(await put("5")).toMatchObject({ status: 200, text: "successfully set klog.logging.verbosity to 5\n" });
  expect(verbosity).toBe(5);
  expect(await put("loud")).toMatchObject({
    status: 400,
    text: 'failed set klog.logging.verbosity loud: strconv.ParseInt: parsing "loud": invalid syntax\n',
  });
  expect(await put("2147483648")).toMatchObject({ status: 400 });
  expect(verbosity).toBe(5);
  expect(await api.get("/debug/flags/v")).toMatchObject({ status: 406, text: "unsupported http method\n" });
  expect((await api.get("/debug/flags")).text).toContain("<tr>v<br>");
  expect((await api.get("/")).body.paths.filter((path: string) => path.startsWith("/debug"))).toEqual([]);
});
