// Names of signers: a domain and a path (upstream: pkg/apis/core/validation/names.go, ValidateSignerName).
import { isDNS1123Label, isDNS1123Subdomain } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required, tooLong } from "../field.ts";

const MAX_LABEL = 63;
const MAX_SUBDOMAIN = 253;
/** Of "<domain>/<namespace>.<name>". */
const MAX_SIGNER_NAME = MAX_SUBDOMAIN + 1 + (MAX_SUBDOMAIN + MAX_LABEL + 1);

export function validateSignerName(name: string, path: FieldPath, errors: FieldError[]): void {
  if (name === "") return void errors.push(required(path, ""));
  const [domain = "", rest, ...more] = name.split("/");
  if (rest === undefined || more.length > 0) {
    const detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return void errors.push(invalid(path, name, detail));
  }
  if (domain.length > MAX_SUBDOMAIN) errors.push(tooLong(path, domain, MAX_SUBDOMAIN));
  firstBad(domain, isDNS1123Label, path, errors);
  if (!domain.includes("."))
    errors.push(invalid(path, domain, "should be a domain with at least two segments separated by dots"));
  firstBad(rest, isDNS1123Subdomain, path, errors);
  if (name.length > MAX_SIGNER_NAME) errors.push(tooLong(path, name, MAX_SIGNER_NAME));
}

/** What the first wrong label of many has against it; the others' messages would read the same. */
function firstBad(
  labels: string,
  check: (label: string) => readonly string[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const bad = labels.split(".").find((label) => check(label).length > 0);
  if (bad === undefined) return;
  for (const why of check(bad)) errors.push(invalid(path, labels, `validating label ${JSON.stringify(bad)}: ${why}`));
}
