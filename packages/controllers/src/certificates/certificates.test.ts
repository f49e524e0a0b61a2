import { X509Certificate } from "node:crypto";
import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import type { CertificateRequest } from "@knots/machinery/pki/request";
import { issue, newCA } from "@knots/machinery/pki/index";
import { describe, expect, test } from "vitest";
import { recognize } from "./approving.ts";
import { KUBE_APISERVER_CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY_UNKNOWN, SIGNERS } from "./rules.ts";
import { lifetime, validity } from "./signing.ts";
import { expiry } from "./state.ts";

const node: CertificateRequest = {
  commonName: "system:node:a",
  organizations: ["system:nodes"],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
};
const CLIENT = ["digital signature", "client auth"];
const SERVER = ["digital signature", "key encipherment", "server auth"];

test.each<[string, Partial<CertificateRequest>, string[], string | undefined]>([
  [KUBELET_CLIENT, {}, CLIENT, undefined],
  [KUBELET_CLIENT, {}, [...CLIENT, "key encipherment"], undefined],
  [KUBELET_CLIENT, {}, SERVER, "usages did not match [client auth digital signature key encipherment]"],
  [KUBELET_CLIENT, { dnsNames: ["a"] }, CLIENT, "DNS subjectAltNames are not allowed"],
  [KUBELET_CLIENT, { ipAddresses: ["::1"] }, CLIENT, "IP subjectAltNames are not allowed"],
  [KUBELET_CLIENT, { organizations: ["system:nodes", "x"] }, CLIENT, "subject organization is not system:nodes"],
  [KUBELET_CLIENT, { commonName: "a" }, CLIENT, "subject common name does not begin with system:node:"],
  [KUBELET_SERVING, { ipAddresses: ["::1"] }, SERVER, undefined],
  [KUBELET_SERVING, {}, SERVER, "DNS or IP subjectAltName is required"],
  [KUBELET_SERVING, { dnsNames: ["a"], uris: ["b://c"] }, SERVER, "URI subjectAltNames are not allowed"],
  [
    KUBELET_SERVING,
    { dnsNames: ["a"] },
    CLIENT,
    "usages did not match [digital signature key encipherment server auth]",
  ],
  [KUBE_APISERVER_CLIENT, { organizations: [] }, ["client auth"], undefined],
  [KUBE_APISERVER_CLIENT, {}, ["digital signature"], "missing required usage for client certificate: client auth"],
  [KUBE_APISERVER_CLIENT, {}, SERVER, "invalid usage for client certificate: server auth"],
  [LEGACY_UNKNOWN, { uris: ["a://b"] }, ["code signing"], undefined],
])("%s of %o for %o: %s", (signer, more, usages, want) => {
  expect(SIGNERS[signer]?.({ ...node, ...more }, usages)).toBe(want);
});

describe("who is recognized", () => {
  const csr = (username: string, signerName = KUBELET_CLIENT): CertificateSigningRequest => ({
    spec: { request: "", signerName, usages: CLIENT, username },
  });
  const permissions = (...of: Parameters<typeof recognize>): string[] =>
    recognize(...of).map((each) => each.permission);
  test("a node about itself, somebody about a node, nobody about anything else", () => {
    expect(permissions(csr("system:node:a"), node)).toEqual(["selfnodeclient", "nodeclient"]);
    expect(permissions(csr("bootstrap"), node)).toEqual(["nodeclient"]);
    expect(permissions(csr("system:node:a", KUBELET_SERVING), node)).toEqual([]);
    expect(permissions(csr("x"), { ...node, organizations: [] })).toEqual([]);
  });
});

test.each<[number | undefined, number, number]>([
  [undefined, 1000_000, 1000_000],
  [3600, 86_400_000, 3_600_000],
  [60, 86_400_000, 600_000],
  [86_400 * 365, 86_400_000, 86_400_000],
])("asked for %s s, at most %i ms: %i ms", (asked, most, want) => expect(lifetime(asked, most)).toBe(want));

test("short certificates keep their full life", () => {
  const end = (hours: number): number => validity(0, hours * 3_600_000).notAfter.getTime() / 60_000;
  expect(validity(0, 1).notBefore.getTime()).toBe(-300_000);
  expect([end(1), end(24)]).toEqual([60, 24 * 60 - 5]);
});

describe("how long a request is kept", async () => {
  const T = "2026-11-25T10:00:00Z";
  const at = (hours: number): number => Date.parse(T) + hours * 3_600_000;
  const csr = (conditions: string[], certificate?: string): CertificateSigningRequest => ({
    metadata: { name: "a", creationTimestamp: T },
    spec: { request: "", signerName: "a/b" },
    status: {
      conditions: conditions.map((type) => ({ type, status: "True", lastUpdateTime: T })),
      ...(certificate === undefined ? {} : { certificate: Buffer.from(certificate).toString("base64") }),
    },
  });
  const { certPem } = await issue({ ca: await newCA("ca"), cn: "a", usages: ["client"], days: 0 });
  const end = new X509Certificate(certPem).validToDate.getTime();
  test.each<[string, CertificateSigningRequest, number]>([
    ["pending", csr([]), at(24)],
    ["denied", csr(["Denied"]), at(1)],
    ["failed", csr(["Approved", "Failed"]), at(1)],
    ["approved, nobody signs", csr(["Approved"]), at(24)],
    ["issued", csr(["Approved"], "what only its signer reads"), at(1)],
    ["issued and run out", csr(["Approved"], certPem), Math.min(end, at(1))],
  ])("%s", (_what, subject, want) => expect(expiry(subject)).toBe(want));
});
