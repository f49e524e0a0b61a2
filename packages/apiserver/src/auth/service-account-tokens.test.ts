import { FakeClock } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { newServiceAccountKey } from "@knots/machinery/pki/index";
import { describe, expect, it } from "vitest";
import type { ObjectSource } from "../registry/object-source.ts";
import { ServiceAccountTokens } from "./service-account-tokens.ts";

async function setUp() {
  const clock = new FakeClock();
  const account: KubeObject = { metadata: { name: "robot", namespace: "default", uid: "u1" } };
  const accounts = new Map([["robot", account]]);
  const objects: ObjectSource = {
    get: (_type, _namespace, name) => accounts.get(name) as never,
    list: () => [],
    subscribe: () => ({ [Symbol.dispose]: () => undefined }),
  };
  const issuer = "https://kubernetes.default.svc";
  const keyPem = await newServiceAccountKey();
  const tokens = new ServiceAccountTokens({ keyPem, issuer, audiences: [issuer], objects, clock });
  const { token } = await tokens.issue({ account, audiences: [issuer], expirationSeconds: 600 });
  return { clock, accounts, tokens, token };
}

describe("ServiceAccountTokens", () => {
  it("gives the same user for the same token", async () => {
    const { tokens, token } = await setUp();
    const first = await tokens.verify(token);
    expect(first?.user).toMatchObject({
      name: "system:serviceaccount:default:robot",
      groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
    });
    expect((await tokens.verify(token))?.user).toBe(first?.user);
  });

  it("looks each time whether the account is still there", async () => {
    const { accounts, tokens, token } = await setUp();
    await tokens.verify(token);
    accounts.delete("robot");
    await expect(tokens.verify(token)).rejects.toThrow("Unauthorized");
  });

  it("refuses a known token once it has expired, and for other audiences", async () => {
    const { clock, tokens, token } = await setUp();
    await tokens.verify(token);
    await expect(tokens.verify(token, ["vault"])).rejects.toThrow("Unauthorized");
    await clock.advance(601_000);
    await expect(tokens.verify(token)).rejects.toThrow("Unauthorized");
  });
});
