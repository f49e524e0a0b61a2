import { decodeProtobuf, encodeProtobuf } from "@knots/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Harness } from "./harness.ts";
import type { Answer } from "./harness.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

describe("representations", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
    await api.post(MAPS, { metadata: { name: "a" }, data: { x: "1" } });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  it("prints tables", async () => {
    const { body, headers } = await api.get(MAPS, { accept: TABLE });
    expect(headers["content-type"]).toBe("application/json");
    expect(body.kind).toBe("Table");
    expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(["Name", "Data", "Age"]);
    const row = body.rows.find(({ cells }: { cells: string[] }) => cells[0] === "a");
    expect(row).toMatchObject({
      cells: ["a", "1", expect.any(String)],
      object: { kind: "PartialObjectMetadata", metadata: { name: "a" } },
    });
  });

  it("prints every resource as a table", async () => {
    for (const version of [
      "/api/v1",
      "/apis/apps/v1",
      "/apis/batch/v1",
      "/apis/storage.k8s.io/v1",
      "/apis/rbac.authorization.k8s.io/v1",
    ]) {
      const { body } = await api.get(version);
      for (const { name, verbs } of body.resources as { name: string; verbs: string[] }[]) {
        if (name.includes("/") || !verbs.includes("create") || !verbs.includes("watch")) continue;
        const table = await api.get(`${version}/${name}`, { accept: TABLE });
        expect(table.body, name).toMatchObject({ kind: "Table" });
      }
    }
  });

  it("gives metadata alone", async () => {
    const accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    const { body } = await api.get(`${MAPS}/a`, { accept });
    expect(body).toMatchObject({
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1",
      metadata: { name: "a" },
    });
    expect(body.data).toBeUndefined();
    const list = await api.get(MAPS, { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" });
    expect(list.body.kind).toBe("PartialObjectMetadataList");
  });

  describe("of a collection that is deleted", () => {
    const META = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    const PROTOBUF = "application/vnd.kubernetes.protobuf";
    const YAML = "application/yaml";
    const remove = async (accept: string): Promise<Answer> => {
      for (const name of ["d1", "d2"])
        await api.post(MAPS, { metadata: { name, labels: { gone: "1" } }, data: { k: name } });
      const answer = await api.request("DELETE", `${MAPS}?labelSelector=gone%3D1`, undefined, { accept });
      expect((await api.get(`${MAPS}?labelSelector=gone%3D1`)).body.items).toEqual([]);
      return answer;
    };
    const list = (items: object): object =>
      expect.objectContaining({ kind: "ConfigMapList", apiVersion: "v1", items: expect.arrayContaining([items]) });
    const d1 = expect.objectContaining({ metadata: expect.objectContaining({ name: "d1" }), data: { k: "d1" } });

    it("is JSON, YAML or protobuf", async () => {
      const json = await remove("*/*");
      expect(json.headers["content-type"]).toBe("application/json");
      expect(json.body).toEqual(list(d1));
      const yaml = await remove(YAML);
      expect(yaml.headers["content-type"]).toBe(YAML);
      expect(parse(yaml.text)).toEqual(list(d1));
      const protobuf = await remove(`${PROTOBUF},application/json`);
      expect(protobuf.headers["content-type"]).toBe(PROTOBUF);
      const decoded = decodeProtobuf(protobuf.bytes) as { items: unknown[] };
      expect(decoded).toEqual(list(d1));
      expect(decoded.items).toHaveLength(2);
    });

    it("is a table, or metadata alone", async () => {
      const { body: table } = await remove(TABLE);
      expect(table.kind).toBe("Table");
      expect(table.rows.map(({ cells }: { cells: string[] }) => cells[0]).sort()).toEqual(["d1", "d2"]);
      const { body: metadata } = await remove(META);
      expect(metadata).toMatchObject({ kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" });
      expect(metadata.items[0].data).toBeUndefined();
    });

    it("is nothing where the form is unknown", async () => {
      await api.post(MAPS, { metadata: { name: "stays" } });
      const { status } = await api.request("DELETE", MAPS, undefined, { accept: "text/html" });
      expect(status).toBe(406);
      expect((await api.get(`${MAPS}/stays`)).status).toBe(200);
    });
  });

  it("speaks protobuf and YAML", async () => {
    const protobuf = "application/vnd.kubernetes.protobuf";
    const body = Buffer.from(
      encodeProtobuf({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "pb" }, data: { y: "2" } }),
    );
    const made = await api.request("POST", MAPS, body, { "content-type": protobuf });
    expect(made.body).toMatchObject({ kind: "ConfigMap", metadata: { name: "pb" }, data: { y: "2" } });
    const { headers } = await api.get(`${MAPS}/a`, { accept: `${protobuf},application/json` });
    expect(headers["content-type"]).toBe(protobuf);
    const yaml = await api.post(MAPS, "metadata:\n  name: yam\ndata:\n  on: 'yes'\n", {
      "content-type": "application/yaml",
    });
    expect(yaml.body).toMatchObject({ metadata: { name: "yam" } });
  });

  it("refuses what it cannot read or write", async () => {
    expect((await api.get(MAPS, { accept: "text/html" })).status).toBe(406);
    expect((await api.post(MAPS, "x", { "content-type": "text/plain" })).status).toBe(415);
    expect((await api.post(MAPS, "{", {})).status).toBe(400);
    expect((await api.post(MAPS, { metadata: { name: "big" }, data: { x: "x".repeat(3 * 1024 * 1024) } })).status).toBe(
      413,
    );
  });

  it("compresses large answers", async () => {
    await api.post(MAPS, { metadata: { name: "large" }, data: { x: "x".repeat(300_000) } });
    const { headers, body } = await api.get(`${MAPS}/large`, { "accept-encoding": "gzip" });
    expect(headers["content-encoding"]).toBe("gzip");
    expect(body.data.x).toHaveLength(300_000);
  });

  it("discovers in both ways", async () => {
    const classic = await api.get("/apis/");
    expect(classic.body.kind).toBe("APIGroupList");
    expect((await api.get("/apis/apps/v1/")).body).toMatchObject({ kind: "APIResourceList", groupVersion: "apps/v1" });
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const aggregated = await api.get("/apis", { accept });
    expect(aggregated.headers["content-type"]).toBe(
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    );
    expect(aggregated.body.items.length).toBe(classic.body.groups.length);
    const again = await api.get("/apis", { accept, "if-none-match": String(aggregated.headers.etag) });
    expect(again.status).toBe(304);
  });

  it("answers health, version and metrics", async () => {
    expect((await api.get("/readyz")).text).toBe("ok");
    expect((await api.get("/livez?verbose")).text).toContain("[+]ping ok");
    expect((await api.get("/version")).body.gitVersion).toMatch(/^v1\.36\.\d+\+knots\.\d+$/);
    expect((await api.get("/metrics")).text).toContain("apiserver_request_total");
  });
});
