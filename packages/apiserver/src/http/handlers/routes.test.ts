// Upstream's OpenAPI document names every path that it has a route for, and its methods: these, and no others.
import { openapiV2 } from "@knots/api";
import { StatusError } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { parseRequestInfo } from "../request-info.ts";
import { builtIn, checkRoute, nothingAt, producedBy } from "./routes.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"];

const paths = openapiV2()["paths"] as Record<string, Record<string, unknown>>;

function answer(method: string, path: string): number {
  const info = parseRequestInfo(method, path);
  const resource = builtIn(info.apiGroup, info.apiVersion, info.resource);
  try {
    if (resource === undefined) throw nothingAt(info.apiGroup);
    checkRoute(info, method, resource);
    return 200;
  } catch (error) {
    return StatusError.from(error).code;
  }
}

describe("the paths of the OpenAPI document", () => {
  const ofResources = Object.entries(paths)
    .map(([path, methods]): [string, string[]] => [
      path.replace("{path}", "a/b").replaceAll(/\{(\w+)\}/g, "$1"),
      Object.keys(methods).map((method) => method.toUpperCase()),
    ])
    .filter(([path]) => parseRequestInfo("GET", path).isResourceRequest);

  it("are there, with the methods that it names and no others", () => {
    expect(ofResources.length).toBeGreaterThan(300);
    const wrong = ofResources.flatMap(([path, methods]) =>
      METHODS.flatMap((method) => {
        const expected = methods.includes(method) ? 200 : 405;
        const got = answer(method, path);
        return got === expected ? [] : [`${method} ${path}: ${got}, not ${expected}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it("answer in the types that it names, without those of formats that are switched off", () => {
    const wrong = Object.entries(paths).flatMap(([path, { get }]) => {
      const info = parseRequestInfo("GET", path);
      if (get === undefined || !info.isResourceRequest) return [];
      const expected = (get as { produces: string[] }).produces.filter((type) => !type.includes("cbor"));
      const got = producedBy(info) ?? ["*/*"];
      return JSON.stringify(got) === JSON.stringify(expected) ? [] : [`${path}: ${got.join()}, not ${expected.join()}`];
    });
    expect(wrong).toEqual([]);
  });

  it("are all that there are", () => {
    const known = new Set(ofResources.map(([path]) => path));
    for (const prefix of ["/api/v1", "/api/v1/watch"]) known.add(`${prefix}/namespaces/namespace`);
    const around = new Set(
      ofResources.flatMap(([path]) => {
        const inNamespace = path.replace(/^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(\/watch)?\//, "$&namespaces/namespace/");
        return [
          path.replace("/namespaces/namespace", ""),
          inNamespace,
          // Anything behind a collection is a name.
          ...(path.endsWith("/name") ? [`${path}/status`, `${path}/nothing`] : [`${path}/name/status/more`]),
          path.slice(0, path.lastIndexOf("/")),
        ];
      }),
    );
    const there = [...around].filter((path) => !known.has(path) && parseRequestInfo("GET", path).isResourceRequest);
    expect(there.length).toBeGreaterThan(300);
    const wrong = there.filter((path) => !/\/proxy(\/|$)/.test(path) && answer("GET", path) !== 404);
    expect(wrong).toEqual([]);
  });
});

describe("a path through a namespace", () => {
  it.each([
    "/api/v1/namespaces/x/nodes",
    "/api/v1/namespaces/x/nodes/a/proxy/run",
    "/api/v1/namespaces/x/namespaces",
    "/api/v1/namespaces/x/namespaces/x",
    "/api/v1/namespaces/x/persistentvolumes/a",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/x/clusterroles",
    "/apis/authorization.k8s.io/v1/namespaces/x/subjectaccessreviews",
    "/api/v1/watch/namespaces/x/nodes",
  ])("leads to nothing outside of namespaces: %s", (path) => {
    for (const method of METHODS) expect(answer(method, path)).toBe(404);
  });
});
