import { expect, test } from "vitest";
import {
  bootstrapTokenEnd,
  bootstrapTokenGroups,
  mayBootstrap,
  parseBootstrapToken,
  readBootstrapToken,
} from "./bootstrap-tokens.ts";

const secretOf = (values: Record<string, string>, more: object = {}) => ({
  metadata: { name: "bootstrap-token-abc123", namespace: "kube-system" },
  type: "bootstrap.kubernetes.io/token",
  data: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")])),
  ...more,
});

test.each([
  ["abc123.0123456789abcdef", { id: "abc123", secret: "0123456789abcdef" }],
  ["abc123.0123456789abcde", undefined],
  ["ABC123.0123456789abcdef", undefined],
  ["xabc123.0123456789abcdef", undefined],
  ["abc123.0123456789abcdef\n", undefined],
  ["", undefined],
])("token %j", (token, want) => {
  expect(parseBootstrapToken(token)).toEqual(want);
});

test.each<[string, ReturnType<typeof secretOf>, object | string]>([
  ["a good one", secretOf({ "token-id": "abc123", "token-secret": "s" }), { id: "abc123", secret: "s" }],
  [
    "another name",
    secretOf({ "token-id": "abc123", "token-secret": "s" }, { metadata: { name: "bootstrap-token-abc1234" } }),
    "Invalid secret name, must be of the form bootstrap-token-<secret-id>",
  ],
  [
    "another type",
    secretOf({ "token-id": "abc123", "token-secret": "s" }, { type: "Opaque" }),
    "has invalid type, expected bootstrap.kubernetes.io/token",
  ],
  ["no id", secretOf({ "token-secret": "s" }), "No token-id key in Secret"],
  ["another's id", secretOf({ "token-id": "abc124", "token-secret": "s" }), "Token ID doesn't match secret name"],
  ["no secret", secretOf({ "token-id": "abc123" }), "No token-secret key in Secret"],
  ["no data", secretOf({}, { data: undefined }), "No token-id key in Secret"],
])("a Secret with %s", (_what, secret, want) => {
  expect(readBootstrapToken(secret)).toEqual(want);
});

test.each([
  [undefined, Infinity],
  ["2026-01-01T00:00:00Z", Date.UTC(2026, 0, 1)],
  ["2026-01-01T02:00:00.5+02:00", Date.UTC(2026, 0, 1) + 500],
  ["2026-01-01", -Infinity],
  ["soon", -Infinity],
])("expiration %s", (expiration, want) => {
  expect(bootstrapTokenEnd(secretOf(expiration === undefined ? {} : { expiration }))).toBe(want);
});

test("usages must be said to be true", () => {
  const secret = secretOf({ "usage-bootstrap-signing": "true", "usage-bootstrap-authentication": "yes" });
  expect([mayBootstrap(secret, "signing"), mayBootstrap(secret, "authentication")]).toEqual([true, false]);
});

test("groups are those of tokens alone", () => {
  const groups = (extra: string) => bootstrapTokenGroups(secretOf({ "auth-extra-groups": extra }));
  expect(bootstrapTokenGroups(secretOf({}))).toEqual(["system:bootstrappers"]);
  expect(groups("system:bootstrappers:z,system:bootstrappers:a:b,system:bootstrappers:z")).toEqual([
    "system:bootstrappers",
    "system:bootstrappers:a:b",
    "system:bootstrappers:z",
  ]);
  expect(() => groups("system:bootstrappers:a,system:masters")).toThrow(
    'bootstrap group "system:masters" is invalid (must match \\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\\z)',
  );
  expect(() => groups("system:bootstrappers:a, system:bootstrappers:b")).toThrow("is invalid");
});
