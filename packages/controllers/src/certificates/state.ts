import { X509Certificate } from "node:crypto";
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "@knots/api/certificates/v1";
import { timeOf } from "../framework/objects.ts";

const HOUR = 3_600_000;
const APPROVED_EXPIRATION = HOUR;
const DENIED_EXPIRATION = HOUR;
const PENDING_EXPIRATION = 24 * HOUR;

function condition(csr: CertificateSigningRequest, type: string): CertificateSigningRequestCondition | undefined {
  return csr.status?.conditions?.find((each) => each.type === type);
}

export function isApproved(csr: CertificateSigningRequest): boolean {
  return condition(csr, "Approved") !== undefined && condition(csr, "Denied") === undefined;
}

/** Approved or denied: somebody has decided. */
export function isDecided(csr: CertificateSigningRequest): boolean {
  return condition(csr, "Approved") !== undefined || condition(csr, "Denied") !== undefined;
}

export function isFailed(csr: CertificateSigningRequest): boolean {
  return condition(csr, "Failed")?.status === "True";
}

export function isIssued(csr: CertificateSigningRequest): boolean {
  return (csr.status?.certificate ?? "") !== "";
}

/** The PEM a field of bytes holds. */
export function pemOf(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}

function lastUpdate(of: CertificateSigningRequestCondition | undefined): number | undefined {
  return timeOf(of?.lastUpdateTime);
}

/**
 * When the request is to be forgotten, ms: an hour after it was denied, failed or issued, a day after it was made and nobody
 * decided (or nobody signed what was approved), and once the certificate has run out. Undefined: never by itself. Pure.
 */
export function expiry(csr: CertificateSigningRequest): number | undefined {
  const ends: number[] = [];
  const end = (from: number | undefined, after: number): void => {
    if (from !== undefined) ends.push(from + after);
  };
  end(lastUpdate(condition(csr, "Denied")), DENIED_EXPIRATION);
  end(lastUpdate(condition(csr, "Failed")), DENIED_EXPIRATION);
  const approved = condition(csr, "Approved");
  if (isIssued(csr) && approved !== undefined) {
    end(lastUpdate(approved), APPROVED_EXPIRATION);
    end(certificateEnd(csr), 0);
  }
  if (!isIssued(csr) && approved !== undefined) end(lastUpdate(approved), PENDING_EXPIRATION);
  if ((csr.status?.conditions ?? []).length === 0) end(timeOf(csr.metadata?.creationTimestamp), PENDING_EXPIRATION);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** Others' signers may write what they like; what is no certificate has no end. */
function certificateEnd(csr: CertificateSigningRequest): number | undefined {
  try {
    return new X509Certificate(pemOf(csr.status?.certificate ?? "")).validToDate.getTime();
  } catch {
    return undefined;
  }
}
