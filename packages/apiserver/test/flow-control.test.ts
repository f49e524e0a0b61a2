import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Harness, take } from "./harness.ts";
import type { Json } from "./harness.ts";

const GROUP = "/apis/flowcontrol.apiserver.k8s.io/v1";
const AS_ALICE = { "impersonate-user": "alice" };

async function until<T>(read: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  for (let i = 0; i < 200; i++) {
    const value = await read();
    if (good(value)) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("it did not come to pass");
}

describe("priority and fairness", () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ server: { authorizationModes: ["AlwaysAllow"] } });
  });
  afterAll(() => harness[Symbol.asyncDispose]());
  const metadata = async (path: string): Promise<Json> => (await harness.get(`${GROUP}/${path}`)).body;

  test("has its default objects, each with an existing level", async () => {
    const schemas = (await harness.get(`${GROUP}/flowschemas`)).body.items as Json[];
    const levels = (await harness.get(`${GROUP}/prioritylevelconfigurations`)).body.items as Json[];
    expect(levels.map(({ metadata: { name } }) => name)).toEqual([
      "catch-all",
      "exempt",
      "global-default",
      "leader-election",
      "node-high",
      "system",
      "workload-high",
      "workload-low",
    ]);
    expect(schemas).toHaveLength(13);
    for (const { metadata, status } of schemas) {
      expect(metadata.annotations).toEqual({ "apf.kubernetes.io/autoupdate-spec": "true" });
      expect(metadata.generation).toBe(1);
      expect(status.conditions).toMatchObject([{ type: "Dangling", status: "False", reason: "Found" }]);
    }
  });

  test("says in each answer which schema and level it was served by", async () => {
    const schema = await metadata("flowschemas/global-default");
    const level = await metadata("prioritylevelconfigurations/global-default");
    const { headers } = await harness.get("/api/v1/namespaces", AS_ALICE);
    expect(headers["x-kubernetes-pf-flowschema-uid"]).toBe(schema.metadata.uid);
    expect(headers["x-kubernetes-pf-prioritylevel-uid"]).toBe(level.metadata.uid);
    const exempt = await metadata("flowschemas/exempt");
    expect((await harness.get("/version")).headers["x-kubernetes-pf-flowschema-uid"]).toBe(exempt.metadata.uid);
  });

  test("makes default objects anew when they are deleted", async () => {
    const before = await metadata("flowschemas/service-accounts");
    await harness.delete(`${GROUP}/flowschemas/service-accounts`);
    const after = await until(
      () => metadata("flowschemas/service-accounts"),
      ({ status }: Json) => status?.conditions !== undefined,
    );
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect(after.spec).toEqual(before.spec);
  });

  test("a schema follows its level's coming and going; requests follow the schema", async () => {
    await harness.post(`${GROUP}/flowschemas`, {
      metadata: { name: "for-alice" },
      spec: {
        priorityLevelConfiguration: { name: "narrow" },
        matchingPrecedence: 20,
        rules: [
          {
            subjects: [{ kind: "User", user: { name: "alice" } }],
            resourceRules: [
              { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true },
            ],
          },
        ],
      },
    });
    const status = (value: string) => (body: Json) => body.status?.conditions?.[0]?.status === value;
    await until(() => metadata("flowschemas/for-alice"), status("True"));
    const fallback = await metadata("flowschemas/global-default");
    const served = async (): Promise<unknown> =>
      (await harness.get("/api/v1/namespaces", AS_ALICE)).headers["x-kubernetes-pf-flowschema-uid"];
    expect(await served()).toBe(fallback.metadata.uid);

    await harness.post(`${GROUP}/prioritylevelconfigurations`, {
      metadata: { name: "narrow" },
      spec: {
        type: "Limited",
        limited: { nominalConcurrencyShares: 0, borrowingLimitPercent: 0, limitResponse: { type: "Reject" } },
      },
    });
    const schema = await until(() => metadata("flowschemas/for-alice"), status("False"));
    const refused = await harness.get("/api/v1/namespaces", AS_ALICE);
    expect(refused.status).toBe(429);
    expect(refused.text).toBe("Too many requests, please try again later.\n");
    expect(refused.headers).toMatchObject({
      "retry-after": "1",
      "content-type": "text/plain; charset=utf-8",
      "x-kubernetes-pf-flowschema-uid": schema.metadata.uid,
    });
    await harness.delete(`${GROUP}/prioritylevelconfigurations/narrow`);
    await until(served, (uid) => uid === fallback.metadata.uid);
  });

  test("a watch gives its seat back when its initial events are out", async () => {
    const events = harness.watch("/api/v1/namespaces?watch=1&resourceVersion=0");
    await take(events, 1);
    const dump = await harness.get("/debug/api_priority_and_fairness/dump_requests");
    // The dump itself is the only one.
    expect(dump.text.trimEnd().split("\n")).toHaveLength(2);
    await events.return(undefined);
  });

  test("shows its figures", async () => {
    const { text } = await harness.get("/metrics");
    expect(text).toMatch(
      /apiserver_flowcontrol_dispatched_requests_total\{flow_schema="exempt",priority_level="exempt"\} \d+/,
    );
    expect(text).toContain('apiserver_flowcontrol_nominal_limit_seats{priority_level="catch-all"} 13\n');
  });
});

test("without priority and fairness there are no headers, but the objects are there", async () => {
  await using harness = await Harness.start({ server: { priorityAndFairness: false } });
  const { headers, body } = await harness.get(`${GROUP}/flowschemas`);
  expect(headers["x-kubernetes-pf-flowschema-uid"]).toBeUndefined();
  expect(body.items).toHaveLength(13);
  expect((await harness.get("/debug/api_priority_and_fairness/dump_requests")).status).toBe(404);
});
