// PKCS #10 requests: what they ask for, and certificates made of them (RFC 2986, RFC 5280).
import { tableOf } from "../table.ts";
import "./reflect.ts";
import { constants, createPrivateKey, createPublicKey, KeyObject, verify } from "node:crypto";
import type { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { KeyPair } from "./index.ts";

x509.cryptoProvider.set(crypto);

/** What a request says of its subject. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";

function alternativeNames(request: x509.Pkcs10CertificateRequest): x509.GeneralName[] {
  const extension = request.getExtension(SUBJECT_ALTERNATIVE_NAME);
  return extension instanceof x509.SubjectAlternativeNameExtension ? [...extension.names.items] : [];
}

/** Throws where the PEM holds no certificate request. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  if (!pem.includes("BEGIN CERTIFICATE REQUEST")) throw new Error("PEM block type must be CERTIFICATE REQUEST");
  const request = new x509.Pkcs10CertificateRequest(pem);
  const names = alternativeNames(request);
  const of = (type: string): string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    commonName: request.subjectName.getField("CN")[0] ?? "",
    organizations: request.subjectName.getField("O"),
    dnsNames: of("dns"),
    ipAddresses: of("ip"),
    emailAddresses: of("email"),
    uris: of("url"),
  };
}

const PEM_BEGIN = /-----BEGIN ([^\n-]*)-----\r?\n/g;
const PEM_END = /-----END ([^\n-]*)-----/g;
/** Lines "Name: value", and the empty line that ends them. */
const PEM_HEADERS = /^(?:[^\n:]*:[^\n]*\n)+\r?\n/;

/** The first block that ends; a text of many that do not is gone through once all the same. */
function firstBlock(pem: string): { type: string; body: string } | undefined {
  const lastEnds = new Map<string, number>();
  for (const { 1: type = "", index } of pem.matchAll(PEM_END)) lastEnds.set(type, index);
  for (const { 0: line, 1: type = "", index } of pem.matchAll(PEM_BEGIN)) {
    const begin = index + line.length;
    if ((lastEnds.get(type) ?? -1) < begin) continue;
    return { type, body: pem.slice(begin, pem.indexOf(`-----END ${type}-----`, begin)) };
  }
  return undefined;
}

/** Bytes of a DER element's contents, and where they begin. */
function contentsOf(der: Uint8Array, at: number): { start: number; end: number } {
  const first = der[at + 1] ?? 0;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  let length = 0;
  const start = at + 2 + (first & 0x7f);
  for (let i = at + 2; i < start; i++) length = length * 256 + (der[i] ?? 0);
  return { start, end: start + length };
}

const KEY_NAMES: Readonly<Record<string, string>> = tableOf({ rsa: "RSA", ec: "ECDSA", ed25519: "Ed25519" });
/** Those that Go verifies. */
const DIGESTS: ReadonlySet<string> = new Set(["SHA-1", "SHA-256", "SHA-384", "SHA-512"]);
const FAILURES: Readonly<Record<string, string>> = tableOf({
  RSA: "crypto/rsa: verification error",
  ECDSA: "x509: ECDSA verification failure",
  Ed25519: "x509: Ed25519 verification failure",
});

/** Why the first block of a PEM is no request that its own key signed, in Go's words as far as they can be known. */
export function certificateRequestProblem(pem: string): string | undefined {
  const block = firstBlock(pem);
  if (block?.type !== "CERTIFICATE REQUEST") return "PEM block type must be CERTIFICATE REQUEST";
  const der = Buffer.from(block.body.replace(PEM_HEADERS, ""), "base64");
  let signed: Signed;
  let key: KeyObject;
  try {
    // Each part is parsed when it is asked for.
    const { publicKey, signature, signatureAlgorithm } = new x509.Pkcs10CertificateRequest(der);
    signed = { signature: Buffer.from(signature), algorithm: signatureAlgorithm as Signed["algorithm"] };
    key = createPublicKey({ key: Buffer.from(publicKey.rawData), format: "der", type: "spki" });
  } catch {
    return "x509: malformed certificate request";
  }
  const outer = contentsOf(der, 0);
  if (outer.end !== der.length) return "asn1: syntax error: trailing data";
  return signatureProblem(signed, key, der.subarray(outer.start, contentsOf(der, outer.start).end));
}

interface Signed {
  readonly signature: Uint8Array;
  readonly algorithm: webcrypto.Algorithm & { readonly hash?: webcrypto.Algorithm };
}

/** `content`: the part of the request that its signature is of. */
function signatureProblem({ signature, algorithm }: Signed, key: KeyObject, content: Uint8Array): string | undefined {
  const { name } = algorithm;
  const hash = algorithm.hash?.name;
  const wanted = name.startsWith("RSA") ? "RSA" : name === "EdDSA" ? "Ed25519" : name;
  const failure = FAILURES[wanted];
  const unknown = "x509: cannot verify signature: algorithm unimplemented";
  if (hash === "MD5") return "x509: cannot verify signature: insecure algorithm MD5-RSA";
  if (failure === undefined || (wanted !== "Ed25519" && !DIGESTS.has(hash ?? ""))) return unknown;
  const kind = KEY_NAMES[key.asymmetricKeyType ?? ""];
  if (kind !== wanted)
    return `x509: signature algorithm specifies an ${wanted} public key, but have public key of type ${kind ?? "unknown"}`;
  const padding = name === "RSA-PSS" ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const settings = wanted === "RSA" ? { key, padding } : { key, dsaEncoding: "der" as const };
  const good = verify(hash?.replace("-", ""), content, settings, signature);
  return good ? undefined : failure;
}

export interface NewCertificateRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/** A fresh key (EC P-256) and a request for a certificate of it, both PEM. */
export async function newCertificateRequest(of: NewCertificateRequest): Promise<{ request: string; keyPem: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const names = [
    ...(of.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(of.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [...(of.organizations ?? []).map((organization) => ({ O: [organization] })), { CN: [of.commonName] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" });
  return { request: `${request.toString("pem")}\n`, keyPem: key.toString() };
}

const KEY_USAGES: Readonly<Record<string, x509.KeyUsageFlags>> = tableOf({
  signing: x509.KeyUsageFlags.digitalSignature,
  "digital signature": x509.KeyUsageFlags.digitalSignature,
  "content commitment": x509.KeyUsageFlags.nonRepudiation,
  "key encipherment": x509.KeyUsageFlags.keyEncipherment,
  "key agreement": x509.KeyUsageFlags.keyAgreement,
  "data encipherment": x509.KeyUsageFlags.dataEncipherment,
  "cert sign": x509.KeyUsageFlags.keyCertSign,
  "crl sign": x509.KeyUsageFlags.cRLSign,
  "encipher only": x509.KeyUsageFlags.encipherOnly,
  "decipher only": x509.KeyUsageFlags.decipherOnly,
});

const EXTENDED_KEY_USAGES: Readonly<Record<string, string>> = tableOf({
  any: "2.5.29.37.0",
  "server auth": "1.3.6.1.5.5.7.3.1",
  "client auth": "1.3.6.1.5.5.7.3.2",
  "code signing": "1.3.6.1.5.5.7.3.3",
  "email protection": "1.3.6.1.5.5.7.3.4",
  "s/mime": "1.3.6.1.5.5.7.3.4",
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  "ocsp signing": "1.3.6.1.5.5.7.3.9",
  "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
  "netscape sgc": "2.16.840.1.113730.4.1",
});

function usageExtensions(usages: readonly string[]): x509.Extension[] {
  let flags = 0;
  const extended = new Set<string>();
  const unknown: string[] = [];
  for (const usage of usages) {
    const flag = KEY_USAGES[usage];
    const purpose = EXTENDED_KEY_USAGES[usage];
    if (flag !== undefined) flags |= flag;
    else if (purpose !== undefined) extended.add(purpose);
    else unknown.push(usage);
  }
  if (unknown.length > 0) throw new Error(`unrecognized usage values: ${JSON.stringify(unknown)}`);
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(extended.size === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...extended])]),
  ];
}

type SigningAlgorithm = webcrypto.RsaHashedImportParams & webcrypto.EcKeyImportParams & { hash: string };

const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

/** An authority's key may be of any kind that an administrator's tool makes: EC of the three NIST curves, or RSA. */
async function signingKey(pem: string): Promise<{ key: webcrypto.CryptoKey; algorithm: SigningAlgorithm }> {
  const key = createPrivateKey(pem);
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  const curve = CURVES[details?.namedCurve ?? ""];
  if (kind !== "rsa" && (kind !== "ec" || curve === undefined))
    throw new Error(`a signing key of type ${kind ?? "unknown"} is not supported: use RSA, or EC on a NIST curve`);
  const algorithm = (
    kind === "rsa"
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : { name: "ECDSA", namedCurve: curve, hash: "SHA-256" }
  ) as SigningAlgorithm;
  const der = new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
  return { key: await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]), algorithm };
}

export interface SignRequestOptions {
  readonly ca: KeyPair;
  /** PEM of the request. */
  readonly request: string;
  /** As in a CertificateSigningRequest's spec.usages. */
  readonly usages: readonly string[];
  readonly notBefore: Date;
  /** Cut to the authority's own end. */
  readonly notAfter: Date;
}

/** PEM of a certificate with the request's subject, names and key. Throws where the request or the authority is no good. */
export async function signCertificateRequest(options: SignRequestOptions): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(options.request);
  if (!(await request.verify())) throw new Error("the certificate request is not signed by its own key");
  const ca = new x509.X509Certificate(options.ca.certPem);
  if (options.notBefore >= ca.notAfter)
    throw new Error(`the signer has expired: NotAfter=${ca.notAfter.toISOString()}`);
  const { key, algorithm } = await signingKey(options.ca.keyPem);
  const names = alternativeNames(request);
  const serial = crypto.getRandomValues(new Uint8Array(16));
  serial[0] = (serial[0] ?? 0) & 0x7f;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(serial).toString("hex"),
    subject: request.subjectName.toJSON(),
    issuer: ca.subjectName.toJSON(),
    notBefore: options.notBefore,
    notAfter: options.notAfter < ca.notAfter ? options.notAfter : ca.notAfter,
    signingAlgorithm: algorithm,
    publicKey: request.publicKey,
    signingKey: key,
    extensions: [
      ...usageExtensions(options.usages),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map((name) => name.toJSON()))]),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}
