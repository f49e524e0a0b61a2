// PodSecurityConfiguration: levels where a namespace says none, and whom nobody looks at.
import { NO_POLICY, isLevel, isVersion } from "./pod-security-policy.ts";
import type { LevelVersion, Mode, Policy } from "./pod-security-policy.ts";

export interface Exemptions {
  readonly usernames: ReadonlySet<string>;
  readonly runtimeClasses: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

export interface PodSecurityConfig {
  readonly defaults: Policy;
  readonly exemptions: Exemptions;
}

export const NO_EXEMPTIONS: Exemptions = {
  usernames: new Set(),
  runtimeClasses: new Set(),
  namespaces: new Set(),
};

const API_VERSION = "pod-security.admission.config.k8s.io/v1";

type Document = Readonly<Record<string, unknown>>;

/** Throws an Error that says what is wrong with a PodSecurityConfiguration. */
export function podSecurityConfig(document: unknown): PodSecurityConfig {
  const { apiVersion, kind, defaults, exemptions, ...unknown } = section(document, "PodSecurityConfiguration");
  if (apiVersion !== API_VERSION || kind !== "PodSecurityConfiguration")
    throw new Error(`expected ${API_VERSION}, Kind=PodSecurityConfiguration`);
  noneUnknown(unknown, "");
  return {
    defaults: policy(section(defaults, "defaults")),
    exemptions: readExemptions(section(exemptions, "exemptions")),
  };
}

function section(value: unknown, name: string): Document {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new Error(`${name} must be an object`);
  return value as Document;
}

function noneUnknown(unknown: Document, path: string): void {
  const [first] = Object.keys(unknown);
  if (first !== undefined) throw new Error(`strict decoding error: unknown field "${path}${first}"`);
}

function policy(defaults: Document): Policy {
  const rest = { ...defaults };
  const read = (mode: Mode): LevelVersion => {
    const [level, version] = [rest[mode] ?? NO_POLICY[mode].level, rest[`${mode}-version`] ?? "latest"];
    delete rest[mode];
    delete rest[`${mode}-version`];
    if (typeof level !== "string" || !isLevel(level))
      throw new Error(
        `defaults.${mode}: Invalid value: ${JSON.stringify(level)}: must be one of privileged, baseline, restricted`,
      );
    if (typeof version !== "string" || !isVersion(version))
      throw new Error(
        `defaults.${mode}-version: Invalid value: ${JSON.stringify(version)}: must be "latest" or "v1.x"`,
      );
    return { level, version };
  };
  const found = { enforce: read("enforce"), audit: read("audit"), warn: read("warn") };
  noneUnknown(rest, "defaults.");
  return found;
}

function readExemptions({ usernames, runtimeClasses, namespaces, ...unknown }: Document): Exemptions {
  noneUnknown(unknown, "exemptions.");
  const names = (value: unknown, field: string): ReadonlySet<string> => {
    const list: unknown[] = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
    list.forEach((each, index) => {
      const bad = typeof each !== "string" || each === "";
      if (bad) throw new Error(`exemptions.${field}[${index}]: Invalid value: ${JSON.stringify(each)}: must be a name`);
      if (list.indexOf(each) !== index)
        throw new Error(`exemptions.${field}[${index}]: Duplicate value: ${JSON.stringify(each)}`);
    });
    return new Set(list as string[]);
  };
  return {
    usernames: names(usernames, "usernames"),
    runtimeClasses: names(runtimeClasses, "runtimeClasses"),
    namespaces: names(namespaces, "namespaces"),
  };
}
