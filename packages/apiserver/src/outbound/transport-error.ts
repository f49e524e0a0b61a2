// What went wrong between this server and another, in the words of Go's net/http and crypto/tls, which users know.
import { hostPort } from "../streams/dial.ts";

const CONNECT: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "i/o timeout",
};

const UNKNOWN_AUTHORITY = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_SIGNATURE_FAILURE",
]);

interface Mismatch {
  readonly host?: string;
  readonly cert?: { readonly subjectaltname?: string };
}

/** `serverName` is the name that the other side's certificate had to bear. */
export function transportMessage(error: Error, host: string, port: number, serverName: string): string {
  const { code = "" } = error as NodeJS.ErrnoException;
  const reason = CONNECT[code];
  if (reason !== undefined) return `dial tcp ${hostPort(host, port)}: ${reason}`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${host}: no such host`;
  if (code === "ECONNRESET") return "EOF";
  if (UNKNOWN_AUTHORITY.has(code)) return `${VERIFY}: x509: certificate signed by unknown authority`;
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID")
    return `${VERIFY}: x509: certificate has expired or is not yet valid`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `${VERIFY}: ${mismatch(error as Mismatch, serverName)}`;
  if (error.message.includes("wrong version number")) return "http: server gave HTTP response to HTTPS client";
  return error.message;
}

const VERIFY = "tls: failed to verify certificate";

function mismatch({ cert }: Mismatch, serverName: string): string {
  const names = (cert?.subjectaltname ?? "")
    .split(/,\s*/)
    .filter((name) => name.startsWith("DNS:"))
    .map((name) => name.slice(4));
  if (names.length === 0) return `x509: certificate is not valid for any names, but wanted to match ${serverName}`;
  return `x509: certificate is valid for ${names.join(", ")}, not ${serverName}`;
}
