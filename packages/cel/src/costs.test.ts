// Costs of Kubernetes' functions: the figures are those of upstream's own tables.
import { expect, it } from "vitest";
import { estimateCost } from "./cost-estimate.ts";
import type { Operand } from "./cost-estimate.ts";
import { estimateCall } from "./function-estimates.ts";
import { RULES } from "./kubernetes.ts";
import { compile } from "./program.ts";
import { runtimeCost } from "./runtime-cost.ts";

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
  ["semver('1.2.3').isLessThan(semver('1.2.4'))", 3, 3, 3],
  ["semver('1.2.3').major()", 2, 2, 2],
  ["isSemver('1.2.3-beta.1')", 2, 2, 2],
  ["isQuantity('20Mi')", 1, 1, 1],
  ["quantity('10Mi').add(quantity('20Mi')).sign()", 4, 4, 4],
  ["url('https://example.com/')", 2, 2, 2],
  ["isURL('https://example.com/')", 1, 1, 1],
  ["url('https://example.com/').getHost()", 3, 3, 3],
  // A URL is as long as its text to the one, and a thing by itself to the other.
  ["url('https://example.com/') == url('https://example.com/')", 5, 6, 5],
  ["'abc 123 def'.find('[0-9]+')", 4, 4, 4],
  ["'abc 123 def'.findAll('[0-9]+')", 4, 4, 4],
  ["'a-b-c'.split('-')", 1, 1, 1],
  ["'abc'.replace('a', 'bb')", 1, 1, 1],
  // Literals are estimated as if they were made, and are there when the expression runs.
  ["[1, 2, 3].sum()", 13, 13, 3],
  ["sets.contains([1, 2, 3], [1])", 24, 24, 4],
  ["sets.equivalent([1, 2], [1])", 25, 25, 6],
  ["format.dns1123Label() == format.uuid()", 3, 9, 3],
  ["strings.quote('this is a test')", 2, 2, 2],
  ["strings.quote('this is a very very very long string used to ensure that cost tracking works')", 8, 8, 8],
])("%s costs what upstream says", (source, least, most, real) => {
  const program = compile(source, RULES);
  const { min, max } = estimateCost(program.checked, () => undefined);
  expect({ min, max, real: program.evaluate(new Map(), 1000).cost }).toEqual({ min: least, max: most, real });
});

it("pays for the key of a patch by its length", () => {
  expect(runtimeCost("jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string")(["example.com/a"], "")).toBe(2);
});

it("pays for a selector by its requirements", () => {
  const values = ["check", "a=b,c=d"];
  const checked = { type: { kind: "string" }, cost: { min: 0, max: 0 } };
  for (const name of ["labelSelector", "fieldSelector"]) {
    expect(runtimeCost(name, `resourcecheck_${name}`)(values, null)).toBe(10 + 1 + 4 * 50);
    const operand = (size: number) => ({ ...checked, size: { min: 0, max: size } }) as unknown as Operand;
    expect(estimateCall(name, `resourcecheck_${name}`, operand(1), [operand(7)]).cost).toEqual({ min: 10, max: 211 });
  }
});

it("pays for formats by the length of their patterns", () => {
  const cost = (source: string): number => compile(source, RULES).evaluate(new Map(), 1000).cost;
  expect(cost("format.dns1123Label().validate('a-name')")).toBe(1 + 8);
  expect(cost("format.qualifiedName().validate('example.com/a-name')")).toBe(1 + 2 * 15);
  expect(cost("format.portName().validate('http')")).toBe(1 + 5);
  expect(cost("format.uuid().validate('a-name')")).toBe(1 + 18);
  expect(cost("format.byte().validate('a-name')")).toBe(1 + 22);
  expect(cost("format.datetime().validate('a-name')")).toBe(1 + 18);
  expect(cost("format.uri().validate('a-name')")).toBe(1 + 276);
});
