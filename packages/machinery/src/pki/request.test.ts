import "reflect-metadata";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import type { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { expect, test } from "vitest";
import { newCA } from "./index.ts";
import {
  certificateRequestProblem,
  newCertificateRequest,
  parseCertificateRequest,
  signCertificateRequest,
} from "./request.ts";

const span = { notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 86_400_000) };

test("what is asked for is read back, and is in the certificate", async () => {
  const { request } = await newCertificateRequest({
    commonName: "system:node:a",
    organizations: ["system:nodes"],
    dnsNames: ["a.example.com"],
    ipAddresses: ["10.0.0.1"],
  });
  expect(parseCertificateRequest(request)).toEqual({
    commonName: "system:node:a",
    organizations: ["system:nodes"],
    dnsNames: ["a.example.com"],
    ipAddresses: ["10.0.0.1"],
    emailAddresses: [],
    uris: [],
  });
  const ca = await newCA("ca");
  const pem = await signCertificateRequest({ ca, request, usages: ["digital signature", "server auth"], ...span });
  const certificate = new X509Certificate(pem);
  expect(certificate.verify(new X509Certificate(ca.certPem).publicKey)).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.subjectAltName).toBe("DNS:a.example.com, IP Address:10.0.0.1");
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
});

test("usages nobody knows, and an authority without a key that signs", async () => {
  const { request } = await newCertificateRequest({ commonName: "a" });
  const ca = await newCA("ca");
  await expect(signCertificateRequest({ ca, request, usages: ["flying"], ...span })).rejects.toThrow(
    'unrecognized usage values: ["flying"]',
  );
  const { privateKey } = generateKeyPairSync("x25519");
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await expect(signCertificateRequest({ ca: { ...ca, keyPem }, request, usages: [], ...span })).rejects.toThrow(
    "a signing key of type x25519 is not supported",
  );
});

test("an authority's end is the certificate's", async () => {
  const { request } = await newCertificateRequest({ commonName: "a" });
  const ca = await newCA("ca");
  const end = new X509Certificate(ca.certPem).validToDate;
  const late = { ...span, notAfter: new Date(end.getTime() + 86_400_000) };
  const pem = await signCertificateRequest({ ca, request, usages: ["client auth"], ...late });
  expect(new X509Certificate(pem).validToDate).toEqual(end);
  await expect(
    signCertificateRequest({ ca, request, usages: [], notBefore: late.notAfter, notAfter: late.notAfter }),
  ).rejects.toThrow("the signer has expired");
});

test.each(["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])("no request: %j", (text) => {
  expect(() => parseCertificateRequest(text)).toThrow("PEM block type must be CERTIFICATE REQUEST");
});

const block = (der: Uint8Array, type = "CERTIFICATE REQUEST"): string =>
  `-----BEGIN ${type}-----\n${Buffer.from(der).toString("base64")}\n-----END ${type}-----\n`;
const derOf = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----[^\n]*-----/g, ""), "base64");

test("a request that its own key signed has no problem", async () => {
  const { request } = await newCertificateRequest({ commonName: "a" });
  expect(certificateRequestProblem(request)).toBeUndefined();
  expect(certificateRequestProblem(`words before\n${request}words after`)).toBeUndefined();
  const [begin = "", ...rest] = request.split("\n");
  expect(certificateRequestProblem([begin, "A: b", "", ...rest].join("\n"))).toBeUndefined();
});

test.each([
  ["ECDSA", { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" }, "x509: ECDSA verification failure"],
  [
    "RSA",
    { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 },
    "crypto/rsa: verification error",
  ],
  [
    "RSA-PSS",
    {
      name: "RSA-PSS",
      hash: "SHA-256",
      publicExponent: new Uint8Array([1, 0, 1]),
      modulusLength: 2048,
      saltLength: 32,
    },
    "crypto/rsa: verification error",
  ],
  ["Ed25519", { name: "Ed25519" }, "x509: Ed25519 verification failure"],
])("a request signed with %s is checked", async (_, algorithm, failure) => {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=a",
    keys,
    signingAlgorithm: algorithm,
  });
  const der = Buffer.from(made.rawData);
  expect(certificateRequestProblem(block(der))).toBeUndefined();
  // One letter of the name is another one.
  const changed = Buffer.from(der);
  const at = changed.indexOf(Buffer.from([1, 0x61, 0x30]));
  expect(at).toBeGreaterThan(0);
  changed[at + 1] = 0x62;
  expect(certificateRequestProblem(block(changed))).toBe(failure);
});

test("what is no request is told apart", async () => {
  const der = derOf((await newCertificateRequest({ commonName: "a" })).request);
  expect(certificateRequestProblem("")).toBe("PEM block type must be CERTIFICATE REQUEST");
  expect(certificateRequestProblem(block(der, "CERTIFICATE"))).toBe("PEM block type must be CERTIFICATE REQUEST");
  expect(certificateRequestProblem(block(Buffer.from("x")))).toBe("x509: malformed certificate request");
  expect(certificateRequestProblem(block(der.subarray(0, -9)))).toBe("x509: malformed certificate request");
  expect(certificateRequestProblem(block(Buffer.concat([der, Buffer.from([0])])))).toBe(
    "asn1: syntax error: trailing data",
  );
});

const RSA = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };

/** ecdsa-with-SHA256 (RFC 5758) and id-RSASSA-PSS (RFC 8017), with what comes before them in DER. */
const ALGORITHMS = [
  ["0608", "2a8648ce3d040302", { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }],
  ["0609", "2a864886f70d01010a", { name: "RSA-PSS", hash: "SHA-256", saltLength: 32, ...RSA }],
] as const;

test.each(ALGORITHMS)(
  "of a request nothing can be changed that was signed: %s%s",
  async (head, oid, signingAlgorithm) => {
    const keys = (await crypto.subtle.generateKey(signingAlgorithm, true, [
      "sign",
      "verify",
    ])) as webcrypto.CryptoKeyPair;
    const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: "CN=a", keys, signingAlgorithm });
    const der = Buffer.from(request.rawData);
    expect(certificateRequestProblem(block(der))).toBeUndefined();
    const accepted = [...der.keys()].filter((index) => {
      const changed = Buffer.from(der);
      changed[index] = (changed[index] ?? 0) ^ 1;
      return certificateRequestProblem(block(changed)) === undefined;
    });
    // What follows says how it was signed.
    const signed = der.lastIndexOf(Buffer.from(head + oid, "hex")) - 2;
    expect(signed).toBeGreaterThan(0);
    expect(accepted.filter((index) => index < signed)).toEqual([]);
  },
);
