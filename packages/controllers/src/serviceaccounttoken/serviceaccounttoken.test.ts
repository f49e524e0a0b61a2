import { createPublicKey } from "node:crypto";
import type { Pod, Secret, ServiceAccount } from "@knots/api/core/v1";
import { jwtVerify } from "jose";
import { newServiceAccountKey } from "@knots/machinery/pki/index";
import { describe, expect, test } from "vitest";
import { cleanUp, INVALID_SINCE, LAST_USED, secretNames } from "./cleanup.ts";
import { ACCOUNT_NAME, ACCOUNT_UID, filled, isTokenOf, TOKEN_TYPE } from "./secrets.ts";
import { tokenSigner } from "./signer.ts";

const account = (listed: string[] = []): ServiceAccount => ({
  metadata: { name: "app", namespace: "ns", uid: "sa" },
  secrets: listed.map((name) => ({ name })),
});
const secret = (annotations: Record<string, string>, more: Partial<Secret> = {}): Secret => ({
  metadata: { name: "app-token", namespace: "ns", uid: "s", annotations, creationTimestamp: "2024-01-01T00:00:00Z" },
  type: TOKEN_TYPE,
  ...more,
});
const base64 = (text: string): string => Buffer.from(text).toString("base64");

test.each<[string, Secret, boolean]>([
  ["by name", secret({ [ACCOUNT_NAME]: "app" }), true],
  ["by name and uid", secret({ [ACCOUNT_NAME]: "app", [ACCOUNT_UID]: "sa" }), true],
  ["of an earlier account of that name", secret({ [ACCOUNT_NAME]: "app", [ACCOUNT_UID]: "old" }), false],
  ["another's", secret({ [ACCOUNT_NAME]: "web" }), false],
  ["of another type", secret({ [ACCOUNT_NAME]: "app" }, { type: "Opaque" }), false],
])("belongs to its account: %s", (_what, subject, want) => expect(isTokenOf(subject, account())).toBe(want));

describe("filling", () => {
  const content = { rootCA: "CA", sign: () => Promise.resolve("TOKEN") };
  const full = secret(
    { [ACCOUNT_NAME]: "app", [ACCOUNT_UID]: "sa" },
    { data: { token: base64("T"), namespace: base64("ns"), "ca.crt": base64("CA") } },
  );
  test("an empty one", async () => {
    const next = await filled(secret({ [ACCOUNT_NAME]: "app" }), account(), content);
    expect(next?.data).toEqual({ token: base64("TOKEN"), namespace: base64("ns"), "ca.crt": base64("CA") });
    expect(next?.metadata?.annotations).toEqual({ [ACCOUNT_NAME]: "app", [ACCOUNT_UID]: "sa" });
  });
  test("a full one stays; a token stays when the authority changes", async () => {
    expect(await filled(full, account(), content)).toBeUndefined();
    expect((await filled(full, account(), { ...content, rootCA: "NEW" }))?.data).toEqual({
      ...full.data,
      "ca.crt": base64("NEW"),
    });
  });
});

test("the token says who, and which Secret", async () => {
  const key = await newServiceAccountKey();
  const token = await tokenSigner(key)(account(), secret({}));
  const { payload } = await jwtVerify(token, createPublicKey(key));
  expect(payload).toEqual({
    iss: "kubernetes/serviceaccount",
    sub: "system:serviceaccount:ns:app",
    "kubernetes.io/serviceaccount/namespace": "ns",
    "kubernetes.io/serviceaccount/secret.name": "app-token",
    "kubernetes.io/serviceaccount/service-account.name": "app",
    "kubernetes.io/serviceaccount/service-account.uid": "sa",
  });
});

describe("cleaning up", () => {
  const now = Date.parse("2026-11-25T00:00:00Z");
  const period = 365 * 86_400_000;
  const labelled = (labels: Record<string, string>): Secret => {
    const made = secret({ [ACCOUNT_NAME]: "app" });
    return { ...made, metadata: { ...made.metadata, labels } };
  };
  test.each<[string, Secret, ServiceAccount | undefined, boolean, string]>([
    ["never used", labelled({}), account(["app-token"]), false, "invalidate"],
    ["made by hand", labelled({}), account(), false, "keep"],
    ["no account", labelled({}), undefined, false, "keep"],
    ["used by a pod", labelled({}), account(["app-token"]), true, "keep"],
    ["used lately", labelled({ [LAST_USED]: "2026-01-01" }), account(["app-token"]), false, "keep"],
    ["used long ago", labelled({ [LAST_USED]: "2025-01-01" }), account(["app-token"]), false, "invalidate"],
    ["used, nobody knows when", labelled({ [LAST_USED]: "?" }), account(["app-token"]), false, "keep"],
    ["invalid for a while", labelled({ [INVALID_SINCE]: "2026-01-01" }), account(["app-token"]), false, "keep"],
    ["invalid for long", labelled({ [INVALID_SINCE]: "2025-01-01" }), account(["app-token"]), false, "delete"],
  ])("%s", (_what, subject, of, used, want) => expect(cleanUp(subject, of, { used, now, period })).toBe(want));
});

test("Secrets a pod uses", () => {
  const pod: Pod = {
    spec: {
      imagePullSecrets: [{ name: "pull" }],
      containers: [
        {
          name: "c",
          env: [{ name: "A", valueFrom: { secretKeyRef: { name: "key", key: "k" } } }],
          envFrom: [{ secretRef: { name: "all" } }, { configMapRef: { name: "map" } }],
        },
      ],
      volumes: [
        { name: "v", secret: { secretName: "volume" } },
        { name: "p", projected: { sources: [{ secret: { name: "projected" } }] } },
        { name: "m", configMap: { name: "map" } },
      ],
    },
  };
  expect([...secretNames(pod)].toSorted()).toEqual(["all", "key", "projected", "pull", "volume"]);
});
