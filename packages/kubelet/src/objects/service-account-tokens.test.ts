import { expect, test } from "vitest";
import type { Pod } from "@knots/api/core/v1";
import { FakeClock } from "@knots/machinery";
import { ServiceAccountTokens } from "./service-account-tokens.ts";

const HOUR = 3600;
const pod = (uid: string): Pod => ({ metadata: { name: "p", namespace: "d", uid }, spec: { containers: [] } });

function tokens() {
  const clock = new FakeClock();
  let asked = 0;
  const state = { broken: false };
  const it = new ServiceAccountTokens({
    clock,
    request: (_pod, _audience, seconds) => {
      if (state.broken) return Promise.reject(new Error("no API server"));
      asked += 1;
      const expirationTimestamp = new Date(clock.now() + seconds * 1000).toISOString();
      return Promise.resolve({ token: `token-${asked}`, expirationTimestamp });
    },
  });
  const pass = (seconds: number): Promise<void> => clock.advance(seconds * 1000);
  return { it, state, pass };
}

test("a token is kept for four fifths of its life", async () => {
  const { it, pass } = tokens();
  expect(await it.get(pod("a"), undefined, HOUR)).toBe("token-1");
  await pass(0.79 * HOUR);
  expect(await it.get(pod("a"), undefined, HOUR)).toBe("token-1");
  await pass(0.02 * HOUR);
  expect(await it.get(pod("a"), undefined, HOUR)).toBe("token-2");
});

test("one that lives long is replaced after a day", async () => {
  const { it, pass } = tokens();
  await it.get(pod("a"), undefined, 365 * 24 * HOUR);
  await pass(24 * HOUR);
  expect(await it.get(pod("a"), undefined, 365 * 24 * HOUR)).toBe("token-2");
});

test("each pod, audience and length of life has its own", async () => {
  const { it } = tokens();
  const asked = [
    await it.get(pod("a"), undefined, HOUR),
    await it.get(pod("b"), undefined, HOUR),
    await it.get(pod("a"), "vault", HOUR),
    await it.get(pod("a"), undefined, 2 * HOUR),
  ];
  expect(new Set(asked).size).toBe(4);
});

test("while no new one can be had the old one serves until it expires", async () => {
  const { it, state, pass } = tokens();
  await it.get(pod("a"), undefined, HOUR);
  state.broken = true;
  await pass(0.9 * HOUR);
  expect(await it.get(pod("a"), undefined, HOUR)).toBe("token-1");
  await pass(0.1 * HOUR);
  await expect(it.get(pod("a"), undefined, HOUR)).rejects.toThrow("no API server");
});
