// Bootstrap tokens: as credentials of the API server, as keys that sign cluster-info, and their end.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ApiServer } from "@knots/apiserver";
import { configMaps, secrets } from "@knots/api/core/v1";
import type { Secret } from "@knots/api/core/v1";
import { clusterRoleBindings } from "@knots/api/rbac/v1";
import { Client } from "@knots/client";
import { ControllerManager } from "@knots/controllers";
import { FakeClock, isNotFound, isUnauthorized, nullLogger, RealClock } from "@knots/machinery";
import { openMemoryStore } from "@knots/store";

const parts = new AsyncDisposableStack();
const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 20 });
let server: ApiServer;
let client: Client;

async function start(bootstrapTokenAuth: boolean): Promise<ApiServer> {
  const store = parts.use(openMemoryStore());
  const options = { store, securePort: 0, bindAddress: "127.0.0.1", clock: new RealClock(), logger: nullLogger };
  const made = parts.use(new ApiServer({ ...options, bootstrapTokenAuth }));
  await made.start();
  return made;
}

function clientOf({ loopbackConfig }: ApiServer, token: string): Client {
  const { server: url, caData = "" } = loopbackConfig;
  return parts.use(new Client({ server: url, caData, token }, { clock: new RealClock(), logger: nullLogger }));
}

beforeAll(async () => {
  server = await start(true);
  client = parts.use(new Client(server.loopbackConfig, { clock: new RealClock(), logger: nullLogger }));
});
afterAll(() => parts.disposeAsync());

async function makeToken(id: string, values: Record<string, string> = {}, more: Partial<Secret> = {}): Promise<Secret> {
  return await client.resource(secrets, "kube-system").create({
    metadata: { name: `bootstrap-token-${id}` },
    type: "bootstrap.kubernetes.io/token",
    stringData: {
      "token-id": id,
      "token-secret": SECRET,
      "usage-bootstrap-authentication": "true",
      "usage-bootstrap-signing": "true",
      ...values,
    },
    ...more,
  });
}
const SECRET = "0123456789abcdef";
const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, "");

interface Review {
  status?: {
    userInfo?: { username?: string; groups?: string[] };
    authenticated?: boolean;
    user?: { username?: string };
  };
}
async function whoIs(as: Client): Promise<Review["status"]> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const answer = (await as.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { body })) as Review;
  return answer.status;
}

describe("as credentials", () => {
  test("a token makes its bearer system:bootstrap:ID, in the groups that it names", async () => {
    await makeToken("aaaaaa", {
      "auth-extra-groups": "system:bootstrappers:workers,system:bootstrappers:edge",
      expiration: inAnHour(),
    });
    const bearer = clientOf(server, `aaaaaa.${SECRET}`);
    expect(await whoIs(bearer)).toMatchObject({
      userInfo: {
        username: "system:bootstrap:aaaaaa",
        groups: [
          "system:bootstrappers",
          "system:bootstrappers:edge",
          "system:bootstrappers:workers",
          "system:authenticated",
        ],
      },
    });
    // What the group may, the bearer may: ask for a certificate, and nothing else.
    await expect(bearer.resource(secrets, "kube-system").list()).rejects.toThrow("system:bootstrap:aaaaaa");
    await client.resource(clusterRoleBindings).create({
      metadata: { name: "workers" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "system:bootstrappers:workers" }],
    });
    await until(async () => expect((await bearer.resource(configMaps, "kube-system").list()).items).toBeDefined());
  });

  test("a TokenReview knows it", async () => {
    await makeToken("rrrrrr");
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token: `rrrrrr.${SECRET}` },
    };
    const answer = (await client.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { body })) as Review;
    expect(answer.status).toMatchObject({ authenticated: true, user: { username: "system:bootstrap:rrrrrr" } });
  });

  test.each<[string, string, Record<string, string>, Partial<Secret>, string?]>([
    ["over", "bbbbbb", { expiration: "2026-01-01T00:00:00Z" }, {}],
    ["of an end that nobody can read", "cccccc", { expiration: "soon" }, {}],
    ["for signing alone", "dddddd", { "usage-bootstrap-authentication": "false" }, {}],
    ["of another type", "eeeeee", {}, { type: "Opaque" }],
    ["of another id", "ffffff", { "token-id": "gggggg" }, {}],
    ["that would make an administrator", "hhhhhh", { "auth-extra-groups": "system:masters" }, {}],
    ["of another secret", "iiiiii", {}, {}, "fedcba9876543210"],
    ["being deleted", "jjjjjj", {}, { metadata: { name: "bootstrap-token-jjjjjj", finalizers: ["x.io/keep"] } }],
  ])("a token %s is none", async (what, id, values, more, secret = SECRET) => {
    await makeToken(id, values, more);
    if (what === "being deleted") await client.resource(secrets, "kube-system").delete(`bootstrap-token-${id}`);
    await expect(whoIs(clientOf(server, `${id}.${secret}`))).rejects.toSatisfy(isUnauthorized);
  });

  test("a token that is gone is none, at once", async () => {
    await makeToken("kkkkkk");
    const bearer = clientOf(server, `kkkkkk.${SECRET}`);
    await whoIs(bearer);
    await client.resource(secrets, "kube-system").delete("bootstrap-token-kkkkkk");
    await expect(whoIs(bearer)).rejects.toSatisfy(isUnauthorized);
  });

  test("none are, unless the server is told so", async () => {
    const other = await start(false);
    const theirs = parts.use(new Client(other.loopbackConfig, { clock: new RealClock(), logger: nullLogger }));
    const made = await client.resource(secrets, "kube-system").get("bootstrap-token-aaaaaa");
    const { data, type } = made;
    await theirs
      .resource(secrets, "kube-system")
      .create({ metadata: { name: "bootstrap-token-aaaaaa" }, ...(data && { data }), ...(type && { type }) });
    await expect(whoIs(clientOf(other, `aaaaaa.${SECRET}`))).rejects.toSatisfy(isUnauthorized);
  });
});

async function manage(clock: FakeClock, ...controllers: string[]): Promise<AsyncDisposable> {
  const manager = new ControllerManager({ client, clock, logger: nullLogger, controllers });
  await manager.start();
  return manager;
}

test("expired tokens are deleted at their time", async () => {
  const clock = new FakeClock(Date.now());
  await makeToken("oooooo", { expiration: "2026-01-01T00:00:00Z" });
  await makeToken("pppppp", { expiration: inAnHour() });
  await makeToken("qqqqqq");
  await makeToken("ssssss", { expiration: "2026-01-01T00:00:00Z" }, { type: "Opaque" });
  await using _manager = await manage(clock, "tokencleaner");
  const there = async (id: string): Promise<boolean> => {
    try {
      await client.resource(secrets, "kube-system").get(`bootstrap-token-${id}`);
      return true;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return false;
    }
  };
  await until(async () => expect(await there("oooooo")).toBe(false));
  expect(await Promise.all(["pppppp", "qqqqqq", "ssssss"].map(there))).toEqual([true, true, true]);
  await until(async () => {
    await clock.advance(3_600_000);
    expect(await there("pppppp")).toBe(false);
  });
  expect(await Promise.all(["qqqqqq", "ssssss"].map(there))).toEqual([true, true]);
});

test("cluster-info is signed by each token that may, for as long as it may", async () => {
  const clock = new FakeClock(Date.now());
  // A server of its own: all tokens there are sign.
  const fresh = await start(false);
  client = parts.use(new Client(fresh.loopbackConfig, { clock: new RealClock(), logger: nullLogger }));
  await makeToken("tttttt");
  await makeToken("uuuuuu", { expiration: inAnHour() });
  await makeToken("vvvvvv", { "usage-bootstrap-signing": "false" });
  await using _manager = await manage(clock, "bootstrapsigner");
  const info = client.resource(configMaps, "kube-public");
  await info.create({ metadata: { name: "cluster-info" }, data: { kubeconfig: "first", other: "stays" } });
  const signed = async (...ids: string[]): Promise<Record<string, string>> => {
    let data: Record<string, string> = {};
    await until(async () => {
      data = (await info.get("cluster-info")).data ?? {};
      expect(Object.keys(data).toSorted()).toEqual(
        [...ids.map((id) => `jws-kubeconfig-${id}`), "kubeconfig", "other"].toSorted(),
      );
    });
    return data;
  };
  const first = await signed("tttttt", "uuuuuu");
  expect(first["other"]).toBe("stays");
  const [head] = (first["jws-kubeconfig-tttttt"] ?? "").split("..");
  expect(JSON.parse(Buffer.from(head ?? "", "base64url").toString())).toEqual({ alg: "HS256", kid: "tttttt" });
  // Other content has another signature.
  await info.patch("cluster-info", { data: { kubeconfig: "second" } }, { type: "merge" });
  await until(async () => {
    const { data } = await info.get("cluster-info");
    expect(data?.["jws-kubeconfig-tttttt"]).not.toBe(first["jws-kubeconfig-tttttt"]);
  });
  await client.resource(secrets, "kube-system").delete("bootstrap-token-tttttt");
  await signed("uuuuuu");
  // One that is over signs no more, though its Secret is still there.
  await until(async () => {
    await clock.advance(3_600_000);
    const { data } = await info.get("cluster-info");
    expect(Object.keys(data ?? {}).toSorted()).toEqual(["kubeconfig", "other"]);
  });
});
