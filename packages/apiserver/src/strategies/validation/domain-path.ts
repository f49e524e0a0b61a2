import { isDNS1123Subdomain } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required } from "../field.ts";

/** A path as HTTP has it. */
const PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;

/** "acme.io/foo": who is meant, by a domain of theirs. */
export function validateDomainPrefixedPath(value: string, path: FieldPath, errors: FieldError[]): void {
  if (value === "") return void errors.push(required(path, ""));
  const [host = "", ...rest] = value.split("/");
  const rule = rest.join("/");
  if (host === "" || rule === "")
    return void errors.push(invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  for (const why of isDNS1123Subdomain(host)) errors.push(invalid(path, host, why));
  if (PATH.test(rule)) return;
  const pattern = PATH.source.slice(1, -1).replaceAll("\\/", "/");
  errors.push(invalid(path, rule, `Invalid path (regex used for validation is '${pattern}')`));
}
