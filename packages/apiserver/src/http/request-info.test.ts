import { describe, expect, it } from "vitest";
import { parseRequestInfo, selectedName } from "./request-info.ts";

describe("parseRequestInfo", () => {
  const cases: [string, string, Partial<ReturnType<typeof parseRequestInfo>>][] = [
    ["GET", "/api/v1/pods", { verb: "list", resource: "pods", namespace: "", name: "" }],
    ["GET", "/api/v1/pods?watch=true", { verb: "watch", resource: "pods" }],
    ["GET", "/api/v1/pods?watch=0", { verb: "list", resource: "pods" }],
    ["GET", "/api/v1/namespaces", { verb: "list", resource: "namespaces", namespace: "" }],
    ["GET", "/api/v1/namespaces/x", { verb: "get", resource: "namespaces", name: "x", namespace: "x" }],
    [
      "PUT",
      "/api/v1/namespaces/x/finalize",
      { verb: "update", resource: "namespaces", name: "x", subresource: "finalize" },
    ],
    [
      "PUT",
      "/api/v1/namespaces/x/status",
      { verb: "update", resource: "namespaces", name: "x", subresource: "status" },
    ],
    ["POST", "/api/v1/namespaces/x/pods", { verb: "create", resource: "pods", namespace: "x", name: "" }],
    ["DELETE", "/api/v1/namespaces/x/pods", { verb: "deletecollection", resource: "pods", namespace: "x" }],
    ["DELETE", "/api/v1/namespaces/x/pods/y", { verb: "delete", resource: "pods", name: "y" }],
    [
      "PATCH",
      "/apis/apps/v1/namespaces/x/deployments/y/scale",
      { verb: "patch", apiGroup: "apps", resource: "deployments", name: "y", subresource: "scale" },
    ],
    ["GET", "/api/v1/watch/namespaces/x/pods", { verb: "watch", resource: "pods", namespace: "x" }],
    [
      "GET",
      "/api/v1/namespaces/x/services/s:80/proxy/a/b",
      { resource: "services", name: "s:80", subresource: "proxy" },
    ],
    ["GET", "/apis/apps/v1", { isResourceRequest: false, verb: "get" }],
    ["GET", "/api/", { isResourceRequest: false }],
    ["GET", "/healthz", { isResourceRequest: false, path: "/healthz" }],
    ["GET", "/api/v1/namespaces/x%2Fpods%2fy", { resource: "pods", namespace: "x", name: "y" }],
    ["GET", "/apis%2Fapps/v1/namespaces/x/deployments/a%20b", { apiGroup: "apps", name: "a b" }],
    ["GET", "/health%7A", { isResourceRequest: false, path: "/healthz" }],
    ["GET", "/api/v1/proxy/nodes/x/y", { verb: "proxy", resource: "nodes", name: "x", subresource: "" }],
  ];
  it.each(cases)("%s %s", (method, url, expected) => {
    expect(parseRequestInfo(method, url)).toMatchObject(expected);
  });
});

describe("selectedName", () => {
  it.each([
    ["/api/v1/namespaces/x/configmaps?fieldSelector=metadata.name%3Dy", "y"],
    ["/api/v1/namespaces/x/configmaps?watch=1&fieldSelector=metadata.namespace%3Dx,metadata.name%3D%3Dy", "y"],
    ["/api/v1/namespaces/x/configmaps?fieldSelector=metadata.name!%3Dy", ""],
    ["/api/v1/namespaces/x/configmaps?fieldSelector=metadata.name%3D..", ""],
    ["/api/v1/namespaces/x/configmaps?fieldSelector=nonsense", ""],
    ["/api/v1/namespaces/x/configmaps/z?fieldSelector=metadata.name%3Dy", ""],
  ])("%s: %j", (url, expected) => {
    expect(selectedName(parseRequestInfo("GET", url))).toBe(expected);
  });
});
