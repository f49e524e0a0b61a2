// Requests of certificates (upstream: pkg/apis/certificates/validation, pkg/registry/certificates).
import { X509Certificate } from "node:crypto";
import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import { addAll, formatTime } from "@knots/machinery";
import { withoutFields } from "@knots/machinery/managed-fields/index";
import { certificateRequestProblem } from "@knots/machinery/pki/request";
import { keepAllBut } from "../default-strategy.ts";
import { duplicate, FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { forEachRepeated } from "../validation/repeated.ts";
import { validateSignerName } from "../validation/signer-name.ts";

type Conditions = NonNullable<NonNullable<CertificateSigningRequest["status"]>["conditions"]>;

const SPEC = FieldPath.root("spec");
const STATUS = FieldPath.root("status");
const CONDITIONS = STATUS.child("conditions");
const MIN_EXPIRATION_SECONDS = 600;
const LEGACY_SIGNER = "kubernetes.io/legacy-unknown";
const APPROVAL = ["Approved", "Denied"];
/** Conditions that are true or absent, and stay. */
const FINAL = [...APPROVAL, "Failed"];
const STATUSES = ["False", "True", "Unknown"];
const USAGES = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];
const PEM_BLOCK = /-----BEGIN ([^\n]*?)-----\r?\n([^]*?)-----END \1-----/g;

const conditionsOf = (request?: CertificateSigningRequest): Conditions => request?.status?.conditions ?? [];
const ofType = (request: CertificateSigningRequest, type: string): Conditions =>
  conditionsOf(request).filter((each) => each.type === type);
const repeats = (values: readonly string[]): boolean => new Set(values).size < values.length;
const decoded = (base64: string): string => Buffer.from(base64, "base64").toString("latin1");

/** What is wrong with a signer's answer. */
function certificateFault(base64: string): string | undefined {
  if (base64 === "") return undefined;
  const blocks = [...decoded(base64).matchAll(PEM_BLOCK)];
  if (blocks.length === 0) return "must contain at least one CERTIFICATE PEM block";
  for (const [block, type, body = ""] of blocks) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (body.includes(":")) return "no PEM block headers are permitted";
    if (body.trim() === "") return "found CERTIFICATE PEM block containing 0 certificates";
    try {
      void new X509Certificate(block);
    } catch {
      return "x509: malformed certificate";
    }
  }
  return undefined;
}

function validateUsages(request: CertificateSigningRequest, old: CertificateSigningRequest | undefined): FieldError[] {
  const at = SPEC.child("usages");
  const errors: FieldError[] = [];
  const usages: string[] = request.spec?.usages ?? [];
  const before: string[] = old?.spec?.usages ?? [];
  if (usages.length === 0) errors.push(required(at, ""));
  if (before.every((usage) => USAGES.includes(usage))) {
    for (const [index, usage] of usages.entries())
      if (!USAGES.includes(usage)) errors.push(notSupported(at.index(index), usage, USAGES));
  }
  if (!repeats(before)) {
    forEachRepeated(
      usages,
      (usage) => usage,
      (usage, index) => errors.push(duplicate(at.index(index), usage)),
    );
  }
  return errors;
}

function validateConditions(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  const before: string[] = conditionsOf(old).map((each) => each.type);
  const mayBeBoth = APPROVAL.every((type) => before.includes(type));
  const mayRepeat = repeats(before);
  const seen = new Set<string>();
  for (const [index, { type = "", status = "" }] of conditionsOf(request).entries()) {
    const path = CONDITIONS.index(index);
    if (type === "" && !before.includes("")) errors.push(required(path.child("type"), ""));
    const allowed = FINAL.includes(type) ? ["True"] : STATUSES;
    if (status === "") errors.push(required(path.child("status"), ""));
    else if (!allowed.includes(status)) errors.push(notSupported(path.child("status"), status, allowed));
    if (!mayBeBoth && APPROVAL.includes(type) && APPROVAL.some((each) => each !== type && seen.has(each)))
      errors.push(invalid(CONDITIONS, type, "Approved and Denied conditions are mutually exclusive"));
    if (!mayRepeat && seen.has(type)) errors.push(duplicate(path.child("type"), type));
    seen.add(type);
  }
  return errors;
}

function validateRequest(request: CertificateSigningRequest, old?: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const text = request.spec?.request ?? "";
  const signerName = request.spec?.signerName ?? "";
  const expirationSeconds = request.spec?.expirationSeconds;
  const problem = certificateRequestProblem(decoded(text));
  if (problem !== undefined) errors.push(invalid(SPEC.child("request"), text, problem));
  addAll(errors, validateUsages(request, old));
  const at = SPEC.child("signerName");
  if (signerName === LEGACY_SIGNER && old?.spec?.signerName !== LEGACY_SIGNER)
    errors.push(invalid(at, signerName, "the legacy signerName is not allowed via this API version"));
  else validateSignerName(signerName, at, errors);
  if (expirationSeconds !== undefined && expirationSeconds < MIN_EXPIRATION_SECONDS) {
    const detail = "may not specify a duration less than 600 seconds (10 minutes)";
    errors.push(invalid(SPEC.child("expirationSeconds"), expirationSeconds, detail));
  }
  addAll(errors, validateConditions(request, old));
  const certificate = request.status?.certificate ?? "";
  const known = old?.status?.certificate ?? "";
  const fault = old && (certificate === known || certificateFault(known)) ? undefined : certificateFault(certificate);
  if (fault !== undefined) errors.push(invalid(STATUS.child("certificate"), "<certificate data>", fault));
  return errors;
}

/** `sets` is what a writer through this door may set. */
function validateUpdate(
  next: CertificateSigningRequest,
  old: CertificateSigningRequest,
  sets: "approval" | "certificate" | "neither",
): FieldError[] {
  const errors = validateRequest(next, old);
  for (const type of FINAL) {
    if (ofType(next, type).length < ofType(old, type).length)
      errors.push(forbidden(CONDITIONS, `updates may not remove a condition of type "${type}"`));
  }
  for (const type of sets === "approval" ? [] : APPROVAL) {
    if (ofType(next, type).length > ofType(old, type).length)
      errors.push(forbidden(CONDITIONS, `updates may not add a condition of type "${type}"`));
  }
  const before = old.status?.certificate ?? "";
  if ((next.status?.certificate ?? "") === before) return errors;
  const at = STATUS.child("certificate");
  if (sets !== "certificate") errors.push(forbidden(at, "updates may not set certificate content"));
  else if (before !== "") errors.push(forbidden(at, "updates may not modify existing certificate content"));
  return errors;
}

function stamp(next: CertificateSigningRequest, old: CertificateSigningRequest, now: number): void {
  const time = formatTime(new Date(now));
  for (const condition of conditionsOf(next)) {
    condition.lastUpdateTime ??= time;
    const same = ofType(old, condition.type).find(
      (each) => each.status === condition.status && each.lastTransitionTime !== undefined,
    );
    condition.lastTransitionTime ??= same?.lastTransitionTime ?? time;
  }
}

/** Conditions of approval as they were, unless some came or went, which is an error. */
function keepApproval(next: CertificateSigningRequest, old: CertificateSigningRequest): void {
  for (const type of APPROVAL) {
    const kept = ofType(old, type);
    if (kept.length === 0 || kept.length !== ofType(next, type).length) continue;
    const conditions = conditionsOf(next).map((each) => (each.type === type ? (kept.shift() ?? each) : each));
    next.status = { ...next.status, conditions };
  }
}

/** What the request's author says of itself comes from who it is, not from the body. */
export const certificateSigningRequestStrategy: Strategy<CertificateSigningRequest> = {
  prepareForCreate(request, ctx) {
    const spec = (request.spec ??= { request: "", signerName: "" });
    spec.username = ctx.user.name;
    if (ctx.user.uid) spec.uid = ctx.user.uid;
    else delete spec.uid;
    spec.groups = [...ctx.user.groups];
    if (ctx.user.extra && Object.keys(ctx.user.extra).length > 0) {
      spec.extra = Object.fromEntries(Object.entries(ctx.user.extra).map(([key, values]) => [key, [...values]]));
    } else delete spec.extra;
  },
  prepareForUpdate(next, old) {
    if (old.spec) next.spec = old.spec;
  },
  validate: (request) => validateRequest(request),
  validateUpdate: (next, old) => validateUpdate(next, old, "neither"),
  fieldLabels: (request) => ({ "spec.signerName": request.spec?.signerName ?? "" }),
  subresources: {
    status: {
      prepareForUpdate(next, old, { now }) {
        keepApproval(next, old);
        stamp(next, old, now);
      },
      validateUpdate: (next, old) => validateUpdate(next, old, "certificate"),
    },
    approval: {
      resetFields: withoutFields(["spec"], ["status", "certificate"]),
      prepareForUpdate(next, old, { now }) {
        stamp(next, old, now);
        const conditions = conditionsOf(next);
        keepAllBut(next, old, ["apiVersion", "kind", "metadata", "status"]);
        next.status = { ...old.status, conditions };
      },
      validateUpdate: (next, old) => validateUpdate(next, old, "approval"),
    },
  },
};
