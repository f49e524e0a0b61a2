import { describe, expect, it } from "vitest";
import { show } from "./conformance.testing.ts";
import { RULES } from "./kubernetes.ts";
import { compile } from "./program.ts";

function run(source: string): unknown {
  const { value, error } = compile(source, RULES).evaluate(new Map(), 10_000_000);
  if (error !== undefined) throw error;
  return show(value ?? null);
}

/** Expressions that are true. */
const TRUE = [
  // optionals
  "[1, 2].first().value() == 1 && [1, 2].last().value() == 2 && ![].first().hasValue() && ![].last().hasValue()",
  "optional.unwrap([optional.of(1), optional.none(), optional.of(3)]) == [1, 3]",
  "[optional.of('a'), optional.none()].unwrapOpt() == ['a']",
  "{'a': 1}.?a.optMap(x, x + 1).orValue(0) == 2 && [1, 2][?5].orValue(7) == 7",
  // two variables
  "[3, 4].all(i, v, v == i + 3) && {'a': 1}.exists(k, v, k == 'a' && v == 1) && [1, 2].existsOne(i, v, i == 1)",
  "[1, 2].transformList(i, v, i * v) == [0, 2] && {'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10) == {'b': 20}",
  "['x'].transformMapEntry(i, v, {v: i}) == {'x': 0}",
  // lists
  "[1, 2, 3].isSorted()",
  "!['b', 'a'].isSorted()",
  "[].isSorted()",
  "[1, 2, 3].sum() == 6",
  "[duration('1s'), duration('2s')].sum() == duration('3s')",
  "['a', 'c', 'b'].max() == 'c'",
  "[2.5, 1.5].min() == 1.5",
  "['a', 'b', 'b'].indexOf('b') == 1 && ['a', 'b', 'b'].lastIndexOf('b') == 2 && [1].indexOf(7) == -1",
  // regular expressions
  "'abc 123'.find('[0-9]+') == '123' && 'abc'.find('[0-9]+') == ''",
  "'1 22 333'.findAll('[0-9]+') == ['1', '22', '333'] && '1 22 333'.findAll('[0-9]+', 2) == ['1', '22']",
  "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'.matches('^(a+)+$') == false",
  // strings
  "'aé😀'.replace('', '-') == '-a-é-😀-' && 'ab'.replace('', '-', 2) == '-a-b' && ''.replace('', 'x') == 'x'",
  "'aaaa'.replace('aa', '$&') == '$&$&' && 'abab'.replace('b', 'ab', 1) == 'aabab' && 'ab'.replace('c', 'd') == 'ab'",
  "'aÉz'.upperAscii() == 'AÉZ' && 'aßz'.upperAscii() == 'AßZ' && 'AÉ'.lowerAscii() == 'aÉ' && 'AZ09'.lowerAscii() == 'az09'",
  String.raw`strings.quote('a"\\n\u0007\v\u000eé') == '"a\\"\\\\n\\a\\v\u000eé"'`,
  // numbers in texts
  "int('-00000000000000000000000000012') == -12 && int('+0') == 0 && uint('000000000000000000000000007') == 7u",
  "int('-9223372036854775808') == -9223372036854775807 - 1 && uint('18446744073709551615') == 18446744073709551615u",
  "duration('1h.5s') == duration('3600.5s') && duration('00000000000000000000000001.s') == duration('1s')",
  "duration('-0.3333333333333333333333333333333s') == duration('-333333333ns') && duration('+0') == duration('-0m')",
  // URLs
  "url('https://user@example.com:8080/a%20b?x=1&x=2#f').getHost() == 'example.com:8080'",
  "url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getPort() == '80'",
  "url('https://example.com/a b').getEscapedPath() == '/a%20b'",
  "url('https://example.com/?k=v1&k=v2').getQuery()['k'] == ['v1', 'v2']",
  "isURL('/path') && isURL('https://x') && !isURL('example.com') && !isURL('../a') && !isURL('https://a:b/')",
  // quantities
  "quantity('1.5Gi').isGreaterThan(quantity('1Gi')) && quantity('1k') == quantity('1000')",
  "quantity('200M').add(quantity('5M')).compareTo(quantity('205M')) == 0 && quantity('50k').sub(20) == quantity('49980')",
  "quantity('50k').asInteger() == 50000 && !quantity('1500m').isInteger() && quantity('1500m').asApproximateFloat() == 1.5",
  "isQuantity('3Mi') && !isQuantity('3Mo') && quantity('-1').sign() == -1",
  // IP addresses and networks
  "isIP('10.0.0.1') && isIP('::1') && !isIP('10.0.0.01') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')",
  "ip('127.0.0.1').isLoopback() && ip('::1').family() == 6 && ip('0.0.0.0').isUnspecified()",
  "ip('169.254.1.1').isLinkLocalUnicast() && ip('224.0.0.1').isLinkLocalMulticast() && ip('8.8.8.8').isGlobalUnicast()",
  "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::0:1') && string(ip('2001:db8:0:0::1')) == '2001:db8::1'",
  "cidr('192.168.0.0/16').containsIP('192.168.7.1') && !cidr('192.168.0.0/16').containsIP(ip('10.0.0.1'))",
  "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/8').containsCIDR(cidr('10.0.0.0/7'))",
  "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('::1/128').prefixLength() == 128",
  "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33') && cidr('10.0.0.1/8').ip() == ip('10.0.0.1')",
  "type(ip('::1')) == net.IP && type(quantity('1')) == kubernetes.Quantity",
  // formats
  "!format.dns1123Label().validate('my-name').hasValue() && format.dns1123Label().validate('My').hasValue()",
  "format.named('uuid').value().validate('x').hasValue() && !format.named('nothing').hasValue()",
  // semantic versions
  "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-alpha.1').isLessThan(semver('1.0.0'))",
  "isSemver('18446744073709551615.0.0-18446744073709551615') && !isSemver('18446744073709551616.0.0')",
  "!isSemver('1.0.0-18446744073709551616') && isSemver('1.0.0-18446744073709551616a')",
  "semver('v1.0', true) == semver('1.0.0') && isSemver('1.2.3-rc.1+b') && !isSemver('1.2') && semver('1.2.3').minor() == 2",
  // sets
  "sets.contains([1, 2, 3], [3, 1]) && sets.equivalent([1, 1], [1]) && !sets.intersects(['a'], ['b'])",
  // strings
  "'%s-%d-%.2f'.format([dyn('a'), 7, 1.005]) == 'a-7-1.00' && ' x '.trim() == 'x' && 'a,b'.split(',') == ['a', 'b']",
  "'Über'.lowerAscii() == 'Über' && 'héllo'.charAt(1) == 'é' && '😀x'.indexOf('x') == 1",
  "strings.quote('a\"b') == '\"a\\\\\"b\"'",
  // two variables
  "[1, 2].all(i, v, v == i + 1) && {'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
  "['x', 'y'].transformMapEntry(i, v, {v: i}) == {'x': 0, 'y': 1} && {'b': 1}.transformList(k, v, k) == ['b']",
  // optional values
  "{'a': {'b': 1}}.?a.?b.orValue(0) == 1 && {}.?a.?b.hasValue() == false && [1][?3].orValue(9) == 9",
  "optional.of(2).optMap(x, x * 2).value() == 4 && optional.none().or(optional.of(1)).value() == 1",
  "optional.of(dyn(null)).orValue('x') == null",
  // numbers of different types, and errors that do not matter
  "1 < 1.5 && 2u > 1 && dyn(1) == dyn(1.0)",
  "true || 1 / 0 == 1",
  "1 / 0 == 1 || true",
  "[0, 1].exists(x, 1 / x == 1)",
];

/** Expressions that fail, and what they say. */
const FAILING: readonly (readonly [string, string])[] = [
  ["[].max() == 1", "max called on empty list"],
  ["1 / 0 == 0", "division by zero"],
  ["{'a': 1}['b'] == 1", "no such key: b"],
  ["[1][3] == 1", "index out of bounds: 3"],
  [
    "['x'].map(a, (a + a).replace('', a + a + a + a + a + a + a + a)).map(a, a.replace('', a)).map(a, a.replace('', a)).map(a, a.replace('', a)).map(a, a.replace('', a)).size() == 0",
    "the result of replace is too long",
  ],
  ["9223372036854775807 + 1 > 0", "integer overflow"],
  ["url('x y') == url('/')", 'URL parse error during conversion from string: parse "x y": invalid URI for request'],
  ["quantity('x').sign() == 0", "quantities must match the regular expression"],
  ["optional.none().value() == 1", "optional.none() dereference"],
  ["'a'.matches('(' + '')", "missing closing )"],
  ["dyn('a') + dyn(1) == 'a1'", "no such overload"],
];

/** Expressions that do not compile, and what they say. */
const WRONG: readonly (readonly [string, string])[] = [
  [
    "1 + 'a' == 2",
    "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a' == 2\n | ..^",
  ],
  ["foo > 1", "ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo > 1\n | ^"],
  [
    "[1, 'a'].size() == 2",
    "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a'].size() == 2\n | ....^",
  ],
  ["'a'.foo()", "ERROR: <input>:1:8: undeclared reference to 'foo' (in container '')\n | 'a'.foo()\n | .......^"],
];

describe("Kubernetes' functions", () => {
  it.each(TRUE)("%s", (source) => expect(run(source)).toBe(true));
  it.each(FAILING)("%s fails", (source, message) => expect(() => run(source)).toThrow(message));
  it.each(WRONG)("%s does not compile", (source, message) => expect(() => compile(source, RULES)).toThrow(message));
});

it("finds a wrong regular expression before anything runs", () => {
  expect(() => compile("'a'.find('(') == ''", RULES)).toThrow("program instantiation failed: ");
});

it.each([
  ["duration('x') == duration('1s')", 9, "duration"],
  ["[1].all(i, timestamp('2020-02-30T00:00:00Z') < timestamp('2021-01-01T00:00:00Z'))", 21, "timestamp"],
  ["{'a': 'b'.matches('(')}.a", 18, "matches"],
])("finds literals that cannot be what they are for: %s", (source, at, name) => {
  const message = `ERROR: <input>:1:${at + 1}: invalid ${name} argument\n | ${source}\n | ${".".repeat(at)}^`;
  expect(() => compile(source, RULES)).toThrow(expect.objectContaining({ name: "CompileError", message }) as Error);
});

it("takes literals that are right, and leaves others to the evaluation", () => {
  expect(
    run("duration('1h') > duration('1m') && 'ab'.matches('^a') && timestamp('2020-01-01T00:00:00Z').getDate() == 1"),
  ).toBe(true);
  expect(() => run("duration('x' + 'y') == duration('1s')")).toThrow("type conversion error");
});

describe("cost", () => {
  it.each([
    ["1 == 1", 1],
    ["[1, 2, 3].all(x, x > 0)", 16],
    ["'aaaaaaaaaaaaaaaaaaaa'.contains('aaaaaaaaaaa')", 4],
  ])("%s costs %i", (source, cost) => expect(compile(source, RULES).evaluate(new Map(), 1000).cost).toBe(cost));

  it("stops at the limit, whatever stands around", () => {
    const program = compile("true == false || [1, 2, 3].all(x, [1, 2, 3].all(y, x + y > 0)) || true", RULES);
    expect(program.evaluate(new Map(), 20).error?.message).toBe("operation cancelled: actual cost limit exceeded");
    expect(program.evaluate(new Map(), 1000).value).toBe(true);
  });

  it("is bounded for a deep expression", () => {
    expect(() => compile(`${"(".repeat(300)}1${")".repeat(300)} == 1`, RULES)).toThrow("recursion limit exceeded: 250");
    expect(() => compile(`1${" + 1".repeat(300)} == 1`, RULES)).toThrow("max recursion depth exceeded");
    expect(run(`true${" && true".repeat(2000)}`)).toBe(true);
  });
});

it("knows no bindings, as Kubernetes' environment has none", () => {
  expect(() => compile("cel.bind(x, 1, x + x)", RULES)).toThrow("undeclared reference to 'cel'");
});
