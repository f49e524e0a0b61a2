// Where webhooks and converters are (upstream: apiserver/pkg/util/webhook/validation.go).
import { X509Certificate } from "node:crypto";
import { isDNS1123Subdomain } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required } from "../field.ts";
import { isValidPortNumber, rangeMessage } from "./names.ts";

interface ServiceReference {
  readonly name: string;
  readonly namespace: string;
  readonly port?: number;
  readonly path?: string;
}

const FORM = "; desired format: https://host[/path]";

/** A URL or a service, one of the two. */
export function validateClientConfig(
  config: { readonly url?: string; readonly service?: ServiceReference } | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) {
    errors.push(required(path, "exactly one of url or service is required"));
  } else if (url !== undefined) validateUrl(url, path.child("url"), errors);
  else if (service !== undefined) validateService(service, path.child("service"), errors);
}

function validateUrl(text: string, path: FieldPath, errors: FieldError[]): void {
  const [, scheme = "", rest = ""] = /^(?:([a-z][a-z0-9+.-]*):)?(.*)$/is.exec(text) ?? [];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (scheme !== "https") errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${FORM}`));
  if (url === undefined || !rest.startsWith("//") || url.host === "")
    errors.push(invalid(path, "", `host must be specified${FORM}`));
  if (url === undefined) return;
  const user = /^\/\/([^/?#]*)@/.exec(rest)?.[1];
  if (user !== undefined) errors.push(invalid(path, user, "user information is not permitted in the URL"));
  if (url.hash.length > 1) errors.push(invalid(path, url.hash.slice(1), "fragments are not permitted in the URL"));
  if (url.search.length > 1)
    errors.push(invalid(path, url.search.slice(1), "query parameters are not permitted in the URL"));
}

function validateService(service: ServiceReference, at: FieldPath, errors: FieldError[]): void {
  if (!service.name) errors.push(required(at.child("name"), "service name is required"));
  if (!service.namespace) errors.push(required(at.child("namespace"), "service namespace is required"));
  for (const _ of isValidPortNumber(service.port ?? 443)) {
    errors.push(invalid(at.child("port"), service.port ?? 0, `port is not valid: ${rangeMessage(1, 65_535)}`));
  }
  const path = service.path ?? "";
  if (path === "" || path === "/") return;
  const field = at.child("path");
  if (path === "//") {
    errors.push(invalid(field, path, "segment[0] may not be empty"));
    return;
  }
  if (!path.startsWith("/")) errors.push(invalid(field, path, "must start with a '/'"));
  for (const [index, step] of path.slice(1).replace(/\/$/, "").split("/").entries()) {
    if (step === "") errors.push(invalid(field, path, `segment[${index}] may not be empty`));
    else for (const why of isDNS1123Subdomain(step)) errors.push(invalid(field, path, `segment[${index}]: ${why}`));
  }
}

/** PEM certificates, base64; an empty bundle means the system's roots. */
export function validateCABundle(bundle: string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (bundle === undefined || bundle === "") return;
  const blocks = Buffer.from(bundle, "base64")
    .toString("utf8")
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  const fail = (why: string): void => {
    errors.push(invalid(path, bundle, `unable to load root certificates: ${why}`));
  };
  if (blocks === null) {
    fail("error parsing certificate: data does not contain any valid RSA or ECDSA certificates");
    return;
  }
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (error) {
      fail(`error parsing certificate: ${(error as Error).message}`);
    }
  }
}
