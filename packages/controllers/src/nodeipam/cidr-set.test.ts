import { describe, expect, test } from "vitest";
import { CIDRSet } from "./cidr-set.ts";
import { formatCIDR, overlaps, parseCIDR } from "./cidr.ts";

describe("CIDR", () => {
  test.each([
    ["10.244.0.0/16", "10.244.0.0/16"],
    ["10.244.3.7/24", "10.244.3.0/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["fd00:10:244::/56", "fd00:10:244::/56"],
    ["::/0", "::/0"],
    ["2001:db8:0:0:1:0:0:1/128", "2001:db8::1:0:0:1/128"],
    ["fe80::1/64", "fe80::/64"],
  ])("%s is %s", (text, want) => expect(formatCIDR(parseCIDR(text))).toBe(want));

  test.each(["10.0.0/8", "10.0.0.256/8", "10.0.0.0/33", "fd00::1::/64", "10.0.0.0", "1:2:3:4:5:6:7/64", ""])(
    "%s is none",
    (text) => expect(() => parseCIDR(text)).toThrow("invalid CIDR address"),
  );

  test.each([
    ["10.0.0.0/8", "10.1.0.0/16", true],
    ["10.0.0.0/16", "10.1.0.0/16", false],
    ["10.0.0.0/8", "fd00::/8", false],
  ])("%s overlaps %s: %s", (a, b, want) => {
    expect(overlaps(parseCIDR(a), parseCIDR(b))).toBe(want);
    expect(overlaps(parseCIDR(b), parseCIDR(a))).toBe(want);
  });
});

describe("CIDRSet", () => {
  const take = (set: CIDRSet, n: number): (string | undefined)[] =>
    Array.from({ length: n }, () => set.allocate()).map((cidr) => cidr && formatCIDR(cidr));

  test("gives each part once, then none", () => {
    const set = new CIDRSet(parseCIDR("10.244.0.0/22"), 24);
    expect(take(set, 5)).toEqual(["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24", undefined]);
  });

  test("gives a freed part again, last", () => {
    const set = new CIDRSet(parseCIDR("10.244.0.0/23"), 24);
    take(set, 1);
    set.release(parseCIDR("10.244.0.0/24"));
    expect(take(set, 3)).toEqual(["10.244.1.0/24", "10.244.0.0/24", undefined]);
  });

  test("leaves out what is occupied, be it smaller or larger than a part", () => {
    const set = new CIDRSet(parseCIDR("10.244.0.0/21"), 24);
    expect(set.occupy(parseCIDR("10.244.1.128/25"))).toBe(true);
    expect(set.occupy(parseCIDR("10.244.4.0/22"))).toBe(true);
    expect(set.occupy(parseCIDR("10.96.0.0/16"))).toBe(false);
    expect(take(set, 4)).toEqual(["10.244.0.0/24", "10.244.2.0/24", "10.244.3.0/24", undefined]);
  });

  test("IPv6", () => {
    const set = new CIDRSet(parseCIDR("fd00:10:244::/56"), 64);
    expect(take(set, 2)).toEqual(["fd00:10:244::/64", "fd00:10:244:1::/64"]);
  });

  test("refuses a mask that does not fit", () => {
    expect(() => new CIDRSet(parseCIDR("10.244.0.0/24"), 16)).toThrow("does not fit");
  });
});
