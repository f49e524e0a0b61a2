import { isDNS1123Label, isDNS1123Subdomain } from "@knots/machinery";
import { invalid } from "../field.ts";
import type { FieldError, FieldPath } from "../field.ts";

/** An error for each message that a check has of a value. */
export function invalidFor(messages: readonly string[], value: unknown, path: FieldPath, errors: FieldError[]): void {
  for (const message of messages) errors.push(invalid(path, value, message));
}

/** Checks a name, or with `prefix` the base of a generated one; returns upstream's messages. */
export type NameCheck = (name: string, prefix: boolean) => string[];

/** A generated suffix follows: a trailing dash of the base is fine then. */
const masked = (name: string, prefix: boolean): string =>
  prefix && name.endsWith("-") ? `${name.slice(0, -1)}a` : name;

export const nameIsDNSSubdomain: NameCheck = (name, prefix) => isDNS1123Subdomain(masked(name, prefix));
export const nameIsDNSLabel: NameCheck = (name, prefix) => isDNS1123Label(masked(name, prefix));

/** Names that become a segment of a path: RBAC objects, whose names carry colons. */
export const nameIsPathSegment: NameCheck = (name, prefix) => {
  if (!prefix && (name === "." || name === "..")) return [`may not be '${name}'`];
  return ["/", "%"].filter((each) => name.includes(each)).map((each) => `may not contain '${each}'`);
};

const CONFIG_MAP_KEY = /^[-._a-zA-Z0-9]+$/;
const KEY_MESSAGE =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/** A key of a ConfigMap or Secret. */
export function isConfigMapKey(value: string): string[] {
  const errors: string[] = [];
  if (value.length > 253) errors.push("must be no more than 253 characters");
  if (!CONFIG_MAP_KEY.test(value)) errors.push(KEY_MESSAGE);
  return [...errors, ...hasChDirPrefix(value)];
}

function hasChDirPrefix(value: string): string[] {
  if (value === ".") return ["must not be '.'"];
  if (value === "..") return ["must not be '..'"];
  return value.startsWith("..") ? ["must not start with '..'"] : [];
}

/** Any printable ASCII character except "=": the rule since environment names were relaxed. */
export function isRelaxedEnvVarName(value: string): string[] {
  if (value.length === 0) return ["environment variable name must not be empty"];
  // eslint-disable-next-line no-control-regex -- printable ASCII is the rule
  return /^[ -<>-~]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function isValidPortNumber(port: number): string[] {
  return port >= 1 && port <= 65_535 ? [] : [rangeMessage(1, 65_535)];
}

export const rangeMessage = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;
export const NON_NEGATIVE = "must be greater than or equal to 0";
export const POSITIVE = "must be greater than 0";
/** The same in the words of other rules. */
export const GREATER_THAN_ZERO = "must be greater than zero";
export const IMMUTABLE = "field is immutable";

const DNS1123_SUBDOMAIN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const WILDCARD = `\\*\\.${DNS1123_SUBDOMAIN}`;
const WILDCARD_PATTERN = new RegExp(`^${WILDCARD}$`);

const SEARCH_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const SEARCH_DOMAIN = `${SEARCH_LABEL}(\\.${SEARCH_LABEL})*`;
const SEARCH_PATTERN = new RegExp(`^${SEARCH_DOMAIN}$`);

/** A domain that names are looked for in, with underscores as records of services have them. */
export function isSearchDomain(value: string): string[] {
  const errors: string[] = [];
  if (value.length > 253) errors.push("must be no more than 253 characters");
  if (!SEARCH_PATTERN.test(value)) {
    errors.push(
      `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SEARCH_DOMAIN}')`,
    );
  }
  return errors;
}

/** "*.example.com" */
export function isWildcardDNS1123Subdomain(value: string): string[] {
  const errors: string[] = [];
  if (value.length > 253) errors.push("must be no more than 253 bytes");
  if (!WILDCARD_PATTERN.test(value)) {
    errors.push(
      `a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '${WILDCARD}')`,
    );
  }
  return errors;
}
