// Tokens in Secrets: filled, good for requests, gone with their account.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ApiServer } from "@knots/apiserver";
import { secrets, serviceAccounts } from "@knots/api/core/v1";
import { Client } from "@knots/client";
import { ControllerManager } from "@knots/controllers";
import { isNotFound, nullLogger, RealClock } from "@knots/machinery";
import { newServiceAccountKey } from "@knots/machinery/pki/index";
import { openMemoryStore } from "@knots/store";

const parts = new AsyncDisposableStack();
let client: Client;
let asToken: (token: string) => Client;
beforeAll(async () => {
  const [clock, logger] = [new RealClock(), nullLogger];
  const store = parts.use(openMemoryStore());
  const serviceAccountKey = await newServiceAccountKey();
  const server = parts.use(
    new ApiServer({ store, securePort: 0, bindAddress: "127.0.0.1", clock, logger, serviceAccountKey }),
  );
  await server.start();
  client = parts.use(new Client(server.loopbackConfig, { clock, logger }));
  const { server: url, caData = "" } = server.loopbackConfig;
  asToken = (token) => parts.use(new Client({ server: url, caData, token }, { clock, logger }));
  const manager = parts.use(
    new ControllerManager({
      client,
      clock,
      logger,
      controllers: ["serviceaccount-token-controller"],
      options: { serviceAccountPrivateKey: serviceAccountKey, rootCA: "THE CA" },
    }),
  );
  await manager.start();
});
afterAll(() => parts.disposeAsync());

const tokens = () => client.resource(secrets, "default");
const make = (name: string, account: string): Promise<unknown> =>
  tokens().create({
    metadata: { name, annotations: { "kubernetes.io/service-account.name": account } },
    type: "kubernetes.io/service-account-token",
  });
const gone = (name: string): Promise<void> =>
  vi.waitFor(
    async () => {
      const found = await tokens()
        .get(name)
        .catch((error: unknown) => (isNotFound(error) ? undefined : error));
      expect(found).toBeUndefined();
    },
    { timeout: 10_000 },
  );

test("filled, accepted, its use noted, refused and deleted with the account", async () => {
  await client.resource(serviceAccounts, "default").create({ metadata: { name: "app" } });
  await make("app-token", "app");
  const token = await vi.waitFor(
    async () => {
      const { data } = await tokens().get("app-token");
      expect(Buffer.from(data?.["ca.crt"] ?? "", "base64").toString()).toBe("THE CA");
      return Buffer.from(data?.["token"] ?? "", "base64").toString();
    },
    { timeout: 10_000 },
  );
  const review = (of: Client): Promise<unknown> =>
    of.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
    });
  const app = asToken(token);
  expect(await review(app)).toMatchObject({
    status: {
      userInfo: {
        username: "system:serviceaccount:default:app",
        groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
      },
    },
  });
  const today = new Date().toISOString().slice(0, 10);
  await vi.waitFor(async () => {
    expect((await tokens().get("app-token")).metadata?.labels?.["kubernetes.io/legacy-token-last-used"]).toBe(today);
  });
  await client.resource(serviceAccounts, "default").delete("app");
  await gone("app-token");
  await expect(review(app)).rejects.toMatchObject({ code: 401 });
});

test("for an account that never was: deleted", async () => {
  await make("stray", "nobody");
  await gone("stray");
});
