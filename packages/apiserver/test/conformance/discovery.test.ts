// What clients find out before their first request: groups, versions, resources, the server's version.
import { decodeProtobuf } from "@knots/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { define, definition, version } from "../definitions.ts";
import { Harness } from "../harness.ts";
import type { Json } from "../harness.ts";

const aggregated = (apiVersion: string): string =>
  `application/json;g=apidiscovery.k8s.io;v=${apiVersion};as=APIGroupDiscoveryList`;

/** Resources that a client may rely upon, by group and version. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  v1: [
    "configmaps",
    "endpoints",
    "events",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "serviceaccounts",
    "services",
  ],
  "admissionregistration.k8s.io/v1": [
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "mutatingadmissionpolicies",
  ],
  "apiextensions.k8s.io/v1": ["customresourcedefinitions"],
  "apiregistration.k8s.io/v1": ["apiservices"],
  "apps/v1": ["controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"],
  "authentication.k8s.io/v1": ["tokenreviews", "selfsubjectreviews"],
  "authorization.k8s.io/v1": [
    "localsubjectaccessreviews",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "subjectaccessreviews",
  ],
  "autoscaling/v1": ["horizontalpodautoscalers"],
  "autoscaling/v2": ["horizontalpodautoscalers"],
  "batch/v1": ["jobs", "cronjobs"],
  "certificates.k8s.io/v1": ["certificatesigningrequests"],
  "coordination.k8s.io/v1": ["leases"],
  "discovery.k8s.io/v1": ["endpointslices"],
  "events.k8s.io/v1": ["events"],
  "flowcontrol.apiserver.k8s.io/v1": ["flowschemas", "prioritylevelconfigurations"],
  "networking.k8s.io/v1": ["ingresses", "ingressclasses", "networkpolicies"],
  "node.k8s.io/v1": ["runtimeclasses"],
  "policy/v1": ["poddisruptionbudgets"],
  "rbac.authorization.k8s.io/v1": ["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
  "scheduling.k8s.io/v1": ["priorityclasses"],
  "storage.k8s.io/v1": ["csidrivers", "csinodes", "storageclasses", "volumeattachments"],
};

describe("discovery", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  /** The resources of both aggregated documents, as group/version → names. */
  async function resources(apiVersion = "v2"): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for (const path of ["/api", "/apis"]) {
      const { status, headers, body } = await api.get(path, { accept: aggregated(apiVersion) });
      expect([status, headers["content-type"]]).toEqual([200, aggregated(apiVersion)]);
      expect(body).toMatchObject({ kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${apiVersion}` });
      for (const { metadata, versions } of body.items)
        for (const { version: name, resources: list } of versions)
          found.set(
            [metadata.name, name].filter((each) => each !== undefined && each !== "").join("/"),
            (list as Json[]).map(({ resource }) => resource),
          );
    }
    return found;
  }

  it("tells every built-in resource in one document", async () => {
    const found = await resources();
    for (const [groupVersion, names] of Object.entries(BUILT_IN))
      expect(found.get(groupVersion), groupVersion).toEqual(expect.arrayContaining([...names]));
  });

  it("answers in the form that the Accept header asks for", async () => {
    const typeOf = async (path: string, accept: string): Promise<unknown> =>
      (await api.get(path, { accept })).headers["content-type"];
    for (const path of ["/api", "/apis"]) {
      // The first that is known; classic where none of the aggregated ones is.
      expect(await typeOf(path, `${aggregated("v2")},${aggregated("v2beta1")},application/json`)).toBe(
        aggregated("v2"),
      );
      // Upstream answers the beta version no more.
      expect(await typeOf(path, `${aggregated("v2beta1")},application/json`)).toBe("application/json");
      expect((await api.get(path, { accept: aggregated("v2beta1") })).status).toBe(406);
      expect(await typeOf(path, "application/json")).toBe("application/json");
      expect(await typeOf(path, "*/*")).toBe("application/json");
    }
  });

  it("answers in protobuf and YAML too, and 406 where nothing fits", async () => {
    const protobuf = "application/vnd.kubernetes.protobuf";
    const read = async (path: string, accept: string): Promise<[unknown, Json]> => {
      const { status, headers, bytes } = await api.get(path, { accept });
      expect(status, path).toBe(200);
      return [headers["content-type"], decodeProtobuf(bytes)];
    };
    for (const path of ["/apis", "/apis/apps", "/apis/apps/v1", "/apis/apps/v1/"]) {
      const [type, value] = await read(path, `${protobuf},application/json`);
      const { body } = await api.get(path);
      expect([type, value]).toEqual([protobuf, expect.objectContaining({ kind: body.kind })]);
      // Go writes empty strings that JSON leaves out, and leaves out false where JSON has it.
      if (body.groups !== undefined) expect(value.groups).toEqual(body.groups);
      if (body.resources !== undefined)
        expect(value.resources.map(({ name, kind, verbs }: Json) => [name, kind, verbs])).toEqual(
          body.resources.map(({ name, kind, verbs }: Json) => [name, kind, verbs]),
        );
    }
    for (const path of ["/api", "/api/v1"]) {
      const [, value] = await read(path, protobuf);
      expect(value.kind).toBe((await api.get(path)).body.kind);
    }
    for (const path of ["/api", "/apis"]) {
      const accept = aggregated("v2").replace("application/json", protobuf);
      const [type, value] = await read(path, `${accept},${aggregated("v2")}`);
      const json = await api.get(path, { accept: aggregated("v2") });
      expect(type).toBe(accept);
      expect(value.items.map(({ versions }: Json) => versions)).toEqual(
        json.body.items.map(({ versions }: Json) => versions),
      );
    }
    const yaml = await api.get("/apis/apps/v1", { accept: "application/yaml" });
    expect([yaml.headers["content-type"], yaml.text]).toEqual([
      "application/yaml",
      expect.stringContaining("groupVersion: apps/v1\n"),
    ]);
    for (const path of ["/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1"]) {
      for (const accept of ["text/plain", "image/png", aggregated("v9")]) {
        const { status, body } = await api.get(path, { accept });
        expect([path, accept, status, body.reason]).toEqual([path, accept, 406, "NotAcceptable"]);
      }
    }
    expect((await api.get("/apis/none", { accept: "text/plain" })).status).toBe(404);
  });

  it("has an ETag of the whole, which changes with what is served", async () => {
    const etag = async (accept: string): Promise<string> => String((await api.get("/apis", { accept })).headers.etag);
    const before = await etag(aggregated("v2"));
    expect(before).toMatch(/^"[0-9A-F]{128}"$/);
    expect(await etag(aggregated("v2").replace("json", "vnd.kubernetes.protobuf"))).toBe(before);
    const again = await api.get("/apis", { accept: aggregated("v2"), "if-none-match": before });
    expect([again.status, again.text, again.headers.etag, again.headers.vary]).toEqual([304, "", before, "Accept"]);
    await define(api, definition("tags", "etags.example.com", [version("v1")]));
    const now = await api.get("/apis", { accept: aggregated("v2"), "if-none-match": before });
    expect([now.status, now.headers.etag === before]).toEqual([200, false]);
    await api.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tags.etags.example.com");
  });

  it("tells a custom resource as soon as it is established", async () => {
    await define(
      api,
      definition("noticed", "discovered.example.com", [version("v1", { subresources: { status: {} } })]),
    );
    expect((await resources()).get("discovered.example.com/v1")).toEqual(["noticed"]);
    const { body } = await api.get("/apis", { accept: aggregated("v2") });
    expect(body.items.find(({ metadata }: Json) => metadata.name === "discovered.example.com")).toEqual({
      metadata: { name: "discovered.example.com", creationTimestamp: null },
      versions: [
        {
          version: "v1",
          freshness: "Current",
          resources: [
            {
              resource: "noticed",
              responseKind: { group: "discovered.example.com", version: "v1", kind: "Notice" },
              scope: "Namespaced",
              singularResource: "notice",
              verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
              subresources: [
                {
                  subresource: "status",
                  responseKind: { group: "discovered.example.com", version: "v1", kind: "Notice" },
                  verbs: ["get", "patch", "update"],
                },
              ],
            },
          ],
        },
      ],
    });
    await api.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/noticed.discovered.example.com");
    await expect.poll(async () => (await resources()).has("discovered.example.com/v1")).toBe(false);
  });

  it("has a preferred version of each group, and resources in each of its versions", async () => {
    const { body } = await api.get("/apis");
    expect(body).toMatchObject({ kind: "APIGroupList", apiVersion: "v1" });
    expect(body.groups.length).toBeGreaterThan(15);
    for (const { name, versions, preferredVersion } of body.groups) {
      expect(versions, name).toContainEqual(preferredVersion);
      const { body: group } = await api.get(`/apis/${name}`);
      expect(group, name).toMatchObject({ kind: "APIGroup", name, versions, preferredVersion });
      for (const { groupVersion, version: each } of versions) {
        expect(groupVersion).toBe(`${name}/${each}`);
        const { status, body: list } = await api.get(`/apis/${groupVersion}`);
        expect([status, list.kind, list.groupVersion]).toEqual([200, "APIResourceList", groupVersion]);
        expect(list.resources.length, groupVersion).toBeGreaterThan(0);
        for (const { name: resource, kind, verbs } of list.resources) {
          expect([resource, kind]).toEqual([expect.stringMatching(/^[a-z]/), expect.stringMatching(/^[A-Z]/)]);
          expect(verbs.length, resource).toBeGreaterThan(0);
        }
      }
    }
  });

  it("tells its version in whole numbers", async () => {
    const { body } = await api.get("/version");
    expect(body).toMatchObject({ major: "1", minor: "36", gitVersion: expect.stringMatching(/^v1\.36\./) });
    expect(body.gitCommit).toMatch(/^[0-9a-f]{40}$/);
    for (const field of ["gitTreeState", "buildDate", "goVersion", "compiler", "platform"])
      expect(body[field], field).toEqual(expect.any(String));
  });

  it("answers 406 where there is no metadata to make a table of", async () => {
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { namespace: "default", verb: "list", resource: "configmaps" } },
    };
    const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    const { status, body } = await api.post(path, review, { accept });
    expect([status, body]).toMatchObject([
      406,
      { kind: "Status", reason: "NotAcceptable", message: expect.stringContaining("application/json") },
    ]);
    expect((await api.post(path, review)).status).toBe(201);
  });
});
