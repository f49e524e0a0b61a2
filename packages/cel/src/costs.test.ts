// Costs of Kubernetes' functions: the figures are those of upstream's own tables.
import { expect, it } from "vitest";
import { estimateCost } from "./cost-estimate.ts";
import { RULES } from "./kubernetes.ts";
import { compile } from "./program.ts";

const IPV6 = "2001:db8:3333:4444:5555:6666:7777:8888";
const PREDICATES = [
  "family",
  "isUnspecified",
  "isLoopback",
  "isLinkLocalMulticast",
  "isLinkLocalUnicast",
  "isGlobalUnicast",
];

it.each<[source: string, least: number, most: number, real: number]>([
  ["ip('192.168.0.1')", 2, 2, 2],
  ["isIP('192.168.0.1')", 2, 2, 2],
  ["cidr('192.168.0.0/16')", 2, 2, 2],
  ["isCIDR('192.168.0.0/16')", 2, 2, 2],
  ["ip.isCanonical('192.168.0.1')", 3, 3, 3],
  ["cidr('192.168.0.0/16').containsIP(ip('192.169.0.1'))", 5, 8, 5],
  ["cidr('192.168.0.0/16').containsIP('192.0.0.1')", 4, 7, 4],
  ["cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7, 11, 7],
  ["cidr('192.168.0.0/16').containsCIDR('192.0.0.0/30')", 7, 11, 7],
  ...PREDICATES.map((name): [string, number, number, number] => [`ip('192.168.0.1').${name}()`, 3, 3, 3]),
  ...PREDICATES.map((name): [string, number, number, number] => [`ip('${IPV6}').${name}()`, 5, 5, 5]),
  ["cidr('2001:db8::/32').ip()", 3, 3, 3],
  ["cidr('2001:db8::/32').prefixLength()", 3, 3, 3],
  ["cidr('2001:db8::/32').masked()", 3, 3, 3],
  ["ip('192.168.0.1') == ip('192.168.0.1')", 5, 5, 5],
  ["cidr('192.168.0.0/16') == cidr('2001:db8::/32')", 5, 5, 5],
  ["cidr('2001:db8::/32').containsCIDR('2001:db8::/126')", 7, 11, 7],
  [`cidr('2001:db8::/32').containsIP('${IPV6}')`, 7, 10, 7],
  ["cidr('2001:db8::/32').containsIP(ip('2001:db8::1'))", 5, 8, 5],
  ["ip('::1') == ip('::1')", 3, 3, 3],
  ["cidr('2001:db8::/126') == cidr('2001:db8::/126')", 5, 5, 5],
  ["quantity('10Mi') == quantity('20Mi')", 3, 3, 3],
  ["semver('1.2.3') == semver('1.2.4')", 3, 3, 3],
  ["format.dns1123Label() == format.uuid()", 3, 9, 3],
  ["strings.quote('this is a test')", 2, 2, 2],
  ["strings.quote('this is a very very very long string used to ensure that cost tracking works')", 8, 8, 8],
])("%s costs what upstream says", (source, least, most, real) => {
  const program = compile(source, RULES);
  const { min, max } = estimateCost(program.checked, () => undefined);
  expect({ min, max, real: program.evaluate(new Map(), 1000).cost }).toEqual({ min: least, max: most, real });
});

it("pays for formats by the length of their patterns", () => {
  const cost = (source: string): number => compile(source, RULES).evaluate(new Map(), 1000).cost;
  expect(cost("format.dns1123Label().validate('a-name')")).toBe(1 + 8);
  expect(cost("format.qualifiedName().validate('example.com/a-name')")).toBe(1 + 2 * 15);
});
