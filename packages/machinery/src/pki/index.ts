// Certificates and keys of a cluster: an authority, what it issues, a key for service-account tokens. ECDSA P-256, RFC 5280.
import "./reflect.ts";
import type { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

export interface KeyPair {
  certPem: string;
  keyPem: string;
}

export interface IssueOptions {
  ca: KeyPair;
  /** The subject's common name: a user's name for a client certificate. */
  cn: string;
  /** The subject's organizations: a user's groups. */
  organizations?: string[];
  dnsNames?: string[];
  ipAddresses?: string[];
  usages: ("client" | "server")[];
  days: number;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const USAGE = { client: "1.3.6.1.5.5.7.3.2", server: "1.3.6.1.5.5.7.3.1" } as const;

x509.cryptoProvider.set(crypto);

function pem(label: string, data: ArrayBuffer): string {
  const lines =
    Buffer.from(data)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", key));
}

async function importPrivate(keyPem: string): Promise<webcrypto.CryptoKey> {
  const { createPrivateKey } = await import("node:crypto");
  const der = createPrivateKey(keyPem).export({ type: "pkcs8", format: "der" });
  return await crypto.subtle.importKey("pkcs8", new Uint8Array(der), ALGORITHM, false, ["sign"]);
}

function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString("hex");
}

/** An authority that signs itself. */
export async function newCA(cn: string): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  // A certificate is good a little into the past, for clocks that differ.
  const now = Date.now() - 300_000;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [cn] }],
    notBefore: new Date(now),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: `${certificate.toString("pem")}\n`, keyPem: await privatePem(keys.privateKey) };
}

/** A certificate and key of the authority's. */
export async function issue(options: IssueOptions): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await sign(options, keys.publicKey);
  return { certPem: `${certificate.toString("pem")}\n`, keyPem: await privatePem(keys.privateKey) };
}

async function sign(options: IssueOptions, publicKey: webcrypto.CryptoKey): Promise<x509.X509Certificate> {
  const ca = new x509.X509Certificate(options.ca.certPem);
  const now = Date.now() - 300_000;
  const names: { type: "dns" | "ip"; value: string }[] = [
    ...(options.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(options.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ];
  return await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...(options.organizations ?? []).map((organization) => ({ O: [organization] })), { CN: [options.cn] }],
    issuer: ca.subjectName.toJSON(),
    notBefore: new Date(now),
    notAfter: new Date(Math.min(now + options.days * DAY_MS, ca.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey: await importPrivate(options.ca.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(options.usages.map((usage) => USAGE[usage])),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  });
}

/** Signs a PKCS #10 request: its subject and names, the given usages. Throws when the request's own signature is wrong. */
export async function signCSR(options: {
  ca: KeyPair;
  csrPem: string;
  usages: ("client" | "server")[];
  days: number;
}): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(options.csrPem);
  if (!(await request.verify())) throw new Error("the certificate request is not signed by its own key");
  const names = subjectAlternativeNames(request);
  const certificate = await sign(
    {
      ca: options.ca,
      cn: request.subjectName.getField("CN")[0] ?? "",
      organizations: request.subjectName.getField("O"),
      dnsNames: names.filter((name) => name.type === "dns").map((name) => name.value),
      ipAddresses: names.filter((name) => name.type === "ip").map((name) => name.value),
      usages: options.usages,
      days: options.days,
    },
    await request.publicKey.export(crypto),
  );
  return `${certificate.toString("pem")}\n`;
}

/** A private key (RSA 2048, PKCS #8) that signs service-account tokens. */
export async function newServiceAccountKey(): Promise<string> {
  const keys = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  return await privatePem(keys.privateKey);
}

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";

function subjectAlternativeNames(request: x509.Pkcs10CertificateRequest): { type: string; value: string }[] {
  const extension = request.getExtension(SUBJECT_ALTERNATIVE_NAME);
  return extension instanceof x509.SubjectAlternativeNameExtension
    ? extension.names.items.map(({ type, value }) => ({ type, value }))
    : [];
}
