import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { newCA } from "./index.ts";
import { newCertificateRequest, parseCertificateRequest, signCertificateRequest } from "./request.ts";

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
