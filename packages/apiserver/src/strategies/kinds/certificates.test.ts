// Requests of certificates, in upstream's words.
import { newCA } from "@knots/machinery/pki/index";
import { newCertificateRequest } from "@knots/machinery/pki/request";
import { beforeAll, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";

const info = infoOf("certificatesigningrequests");
const base64 = (text: string): string => Buffer.from(text).toString("base64");
let request = "";
let certificate = "";
beforeAll(async () => {
  request = base64((await newCertificateRequest({ commonName: "a", organizations: [] })).request);
  certificate = base64((await newCA("ca")).certPem);
});
const spec = (change: object = {}): object => ({
  request,
  signerName: "a.io/b",
  usages: ["client auth"],
  ...change,
});
const errorsOf = (change: object, name = "a"): string[] =>
  createErrors(info, { metadata: { name }, spec: spec(change) });

it.each<[object, string[]]>([
  [{}, []],
  [{ request: base64("x") }, [`spec.request: PEM block type must be CERTIFICATE REQUEST`]],
  [
    { request: base64("-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n") },
    ["spec.request: x509: malformed certificate request"],
  ],
  [{ usages: [] }, ["spec.usages: "]],
  [{ usages: ["any", "x", "any"] }, [`spec.usages[1]: supported values: "`, `spec.usages[2]: `]],
  [{ signerName: "" }, ["spec.signerName: "]],
  [{ signerName: "a" }, [`spec.signerName: must be a fully qualified domain and path`]],
  [{ signerName: "a/b/c" }, [`spec.signerName: must be a fully qualified domain and path`]],
  [{ signerName: "a/b" }, [`spec.signerName: should be a domain with at least two segments`]],
  [
    { signerName: "A.io/b.C" },
    [
      `spec.signerName: validating label "A": a lowercase RFC 1123 label`,
      `spec.signerName: validating label "C": a lowercase RFC 1123 subdomain`,
    ],
  ],
  [{ signerName: "kubernetes.io/legacy-unknown" }, [`spec.signerName: the`]],
  [{ expirationSeconds: 599 }, ["spec.expirationSeconds: may not specify a duration less"]],
])("%j", (change, expected) => {
  const found = errorsOf(change);
  expect(found.map((text, index) => text.slice(0, expected[index]?.length))).toEqual(expected);
});

it("takes names that are no subdomain", () => {
  expect(errorsOf({}, "node-csr-A_b:c")).toEqual([]);
});

const approved = { type: "Approved", status: "True" };
const denied = { type: "Denied", status: "True" };
const failed = { type: "Failed", status: "True" };
const AT = "status.conditions";
const write = (subresource: string, before: object, after: object) =>
  updated(
    info,
    { ...created(info, { metadata: { name: "a" }, spec: spec() }), status: before },
    (obj) => {
      obj.status = after;
    },
    subresource,
  );

it.each<[string, object[], object[], string[]]>([
  ["approval", [], [approved], []],
  ["approval", [], [approved, denied], [`${AT}: Approved and Denied conditions are`]],
  ["approval", [approved], [], [`${AT}: updates may not remove a condition of type "Approved"`]],
  ["approval", [], [{ type: "Denied", status: "False" }], [`${AT}[0].status: supported values: "`]],
  ["approval", [], [failed, failed], [`${AT}[1].type: `]],
  ["approval", [failed, failed], [failed, failed], []],
  ["status", [], [approved], [`${AT}: updates may not add a condition of type "Approved"`]],
  ["status", [approved], [], [`${AT}: updates may not remove a condition of type "Approved"`]],
  ["status", [approved], [approved, failed], []],
  ["status", [], [{ type: "X", status: "Maybe" }], [`${AT}[0].status: supported values: "`]],
  ["status", [], [{ type: "X", status: "" }], [`${AT}[0].status: `]],
])("%s: %j to %j", (subresource, before, after, expected) => {
  const { errors } = write(subresource, { conditions: before }, { conditions: after });
  expect(errors.map((text, index) => text.slice(0, expected[index]?.length))).toEqual(expected);
});

it("keeps conditions of approval as they were, and stamps the others", () => {
  const old = { ...approved, reason: "A", lastUpdateTime: "2020-01-01T00:00:00Z" };
  const { next, errors } = write(
    "status",
    { conditions: [old] },
    { conditions: [{ ...approved, reason: "B" }, failed] },
  );
  expect(errors).toEqual([]);
  expect(next.status.conditions[0].reason).toBe("A");
  expect(next.status.conditions[1]).toMatchObject({
    lastUpdateTime: expect.any(String),
    lastTransitionTime: expect.any(String),
  });
});

it("takes a certificate once", () => {
  const set = (from: string, to: string): string[] =>
    write("status", { certificate: from }, { certificate: to }).errors;
  expect(set("", certificate)).toEqual([]);
  expect(set(certificate, base64("x"))).toEqual([
    `status.certificate: must contain at least one CERTIFICATE PEM block`,
    "status.certificate: updates may not modify existing certificate content",
  ]);
  const { next, errors } = write("approval", {}, { certificate });
  expect(errors).toEqual([]);
  expect(next.status.certificate).toBeUndefined();
});

it("wants canonical addresses and ranges", () => {
  const address = infoOf("ipaddresses");
  const parentRef = { resource: "services", name: "n" };
  const named = (name: string): string[] => createErrors(address, { metadata: { name }, spec: { parentRef } });
  expect(named("10.0.0.1")).toEqual([]);
  expect(named("fd00::01")[0]).toContain('must be in canonical form ("fd00::1")');
  expect(
    createErrors(address, { metadata: { name: "::1" }, spec: { parentRef: { group: "A", name: "a/b" } } }),
  ).toEqual([
    expect.stringContaining("spec.parentRef.group: a lowercase"),
    "spec.parentRef.resource: ",
    `spec.parentRef.name: may not contain '/'`,
  ]);
  const ranges = (...cidrs: string[]): string[] =>
    createErrors(infoOf("servicecidrs"), { metadata: { name: "a" }, spec: { cidrs } });
  expect(ranges("10.0.0.0/8", "10.0.0.0/9")[0]).toContain("i.e 192.168.0.0/24 and 2001:db8::/64");
  expect(ranges("10.0.0.1/8")[0]).toContain("must not have bits set beyond the prefix length");
  expect(ranges("fd00:0::/64")[0]).toContain('must be in canonical form ("fd00::/64")');
});
