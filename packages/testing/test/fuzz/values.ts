// Values that have broken somebody's server before, or stand at a limit.
import type { Random } from "./random.ts";

const LONG = "x".repeat(300);

export const STRINGS: readonly string[] = [
  "",
  " ",
  "a",
  "A",
  "-",
  ".",
  "..",
  "/",
  "a/b",
  "a/b/c",
  "%2e%2e",
  "%",
  "*",
  "web",
  "default",
  "kube-system",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "null",
  "true",
  "0",
  "-1",
  "1.5",
  "1e3",
  "80",
  "65536",
  "9223372036854775808",
  "50%",
  "-50%",
  "1Gi",
  "100m",
  "1e9999",
  "10.0.0.1",
  "10.0.0.0/24",
  "010.0.0.1",
  "::1",
  "::ffff:10.0.0.1",
  "fd00::/64",
  "300.1.1.1",
  "example.com",
  "example.com/name",
  "Example.COM/Name",
  "https://example.com/x",
  "http://[::1]:namedport",
  "2026-01-02T03:04:05Z",
  "2026-02-30T03:04:05Z",
  "9999-12-31T23:59:59+14:00",
  "0000-01-01T00:00:00Z",
  "1h",
  "-1s",
  "999999999999h",
  "*/5 * * * *",
  "* * * *",
  "@every 1s",
  "TZ=Mars/Olympus 0 0 * * *",
  "Europe/Berlin",
  "RollingUpdate",
  "Recreate",
  "Always",
  "Never",
  "OnFailure",
  "TCP",
  "UDP",
  "ClusterIP",
  "None",
  "ExternalName",
  "NodePort",
  "In",
  "NotIn",
  "Exists",
  "self.x > 1",
  "object.spec.replicas <= 5",
  "((((((",
  "{.spec.x}",
  ".spec.replicas",
  "$(VAR)",
  "a=b",
  "a in (b,c)",
  "a\u0000b",
  "\n",
  "é",
  "日本語",
  "\u{1f600}",
  "\ud800",
  "\ufeff",
  "x".repeat(63),
  "x".repeat(64),
  "x".repeat(253),
  "x".repeat(254),
  LONG,
  `${"x".repeat(253)}/${"y".repeat(63)}`,
];

export const NUMBERS: readonly number[] = [
  0,
  1,
  -1,
  2,
  3,
  80,
  100,
  101,
  255,
  443,
  1000,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  -(2 ** 53),
  2 ** 63,
  0.5,
  1e21,
  1e308,
  -0,
];

export const KEYS: readonly string[] = [
  "a",
  "app",
  "example.com/a",
  "",
  " ",
  ".",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "$patch",
  "$retainKeys",
  "$setElementOrder/containers",
  "$deleteFromPrimitiveList/finalizers",
  "kind",
  "apiVersion",
  "metadata",
  "spec",
  "status",
  "name",
  "f:a",
  'k:{"name":"a"}',
  ".f",
  "x".repeat(64),
  LONG,
];

/** Any JSON value, small but for what is long on purpose. */
export function anyValue(random: Random, depth = 3): unknown {
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick(NUMBERS);
    case 3:
    case 4:
    case 5:
      return random.pick(STRINGS);
    case 6:
    case 7:
      return Array.from({ length: random.below(4) }, () => anyValue(random, depth - 1));
    default:
      return record(Array.from({ length: random.below(4) }, () => [random.pick(KEYS), anyValue(random, depth - 1)]));
  }
}

/** An object that holds even `__proto__` as a key of its own, as JSON.parse makes it. */
export function record(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [key, value] of entries) set(made, key, value);
  return made;
}

export function set(target: object, key: string | number, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
