import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness } from "./harness.ts";
import type { Json } from "./harness.ts";

const PATH = "/api/v1/componentstatuses";

describe("componentstatuses", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  it("lists the parts of the control plane, with a warning", async () => {
    const { status, body, headers } = await api.get(PATH);
    expect(status).toBe(200);
    expect(body.kind).toBe("ComponentStatusList");
    expect(body.items.map((item: Json) => item.metadata.name)).toEqual(["controller-manager", "scheduler", "etcd-0"]);
    expect(body.items[2].conditions).toEqual([{ type: "Healthy", status: "True", message: "ok" }]);
    expect(headers["warning"]).toBe('299 - "v1 ComponentStatus is deprecated in v1.19+"');
  });

  it("tells of one, as a table too", async () => {
    const { body } = await api.get(`${PATH}/etcd-0`);
    expect(body).toMatchObject({ kind: "ComponentStatus", metadata: { name: "etcd-0" } });
    const table = await api.get(`${PATH}?fieldSelector=metadata.name=etcd-0`, {
      accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    });
    expect(table.body.columnDefinitions.map((column: Json) => column.name)).toEqual([
      "Name",
      "Status",
      "Message",
      "Error",
    ]);
    expect(table.body.rows.map((row: Json) => row.cells)).toEqual([["etcd-0", "Healthy", "ok", ""]]);
    const missing = await api.get(`${PATH}/none`);
    expect([missing.status, missing.body.message]).toEqual([500, "Component not found: none"]);
    expect((await api.get(`${PATH}?fieldSelector=spec=x`)).status).toBe(400);
  });
});
