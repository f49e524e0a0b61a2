// The Pod Security Standards as they read in a minor version: a namespace may pin the one it was made for.
import type { Pod } from "@knots/api/core/v1";
import { BASELINE } from "./pod-security-baseline.ts";
import type { Check, CheckPod, Finding } from "./pod-security-checks.ts";
import { RESTRICTED } from "./pod-security-restricted.ts";

export type { Finding } from "./pod-security-checks.ts";
export type SecurityLevel = "baseline" | "restricted";

/** The newest version in which a check changed: later ones read as it does. */
const NEWEST = Math.max(...[...BASELINE, ...RESTRICTED].flatMap(({ versions }) => versions.map(({ since }) => since)));

const known = new Map<string, readonly CheckPod[]>();

/** The checks of a level in version 1.`minor`, in the order in which they are told. */
function checksOf(level: SecurityLevel, minor: number): readonly CheckPod[] {
  const name = `${level} ${minor}`;
  let checks = known.get(name);
  if (checks === undefined) {
    const baseline = inVersion(BASELINE, minor);
    const restricted = level === "restricted" ? inVersion(RESTRICTED, minor) : [];
    const overridden = new Set(restricted.flatMap(({ overrides }) => overrides));
    checks = [...baseline.filter(({ id }) => !overridden.has(id)), ...restricted].map(({ check }) => check);
    known.set(name, checks);
  }
  return checks;
}

function inVersion(
  checks: readonly Check[],
  minor: number,
): { id: string; overrides: readonly string[]; check: CheckPod }[] {
  return checks.flatMap(({ id, overrides = [], versions }) => {
    const reading = versions.findLast(({ since }) => since <= minor);
    return reading === undefined ? [] : [{ id, overrides, check: reading.check }];
  });
}

/** What of a pod is against the level in a version ("latest" or "v1.N"), in upstream's order; empty when nothing is. */
export function checkPodSecurity(pod: Pod, level: SecurityLevel, version: string): Finding[] {
  const { spec } = pod;
  if (spec === undefined) return [];
  const minor = version === "latest" ? NEWEST : Math.min(NEWEST, Number(version.slice("v1.".length)));
  return checksOf(level, minor)
    .map((check) => check(spec, pod))
    .filter((finding) => finding !== undefined);
}
