import { describe, expect, it } from "vitest";
import { parseMediaType } from "./media-type.ts";

// What Go 1.25's mime.ParseMediaType does with them.
describe("parseMediaType", () => {
  it.each([
    ["application/json", "application/json"],
    [" Application/JSON ; charset=utf-8", "application/json"],
    ["application/json;", "application/json"],
    ["application/json ; ", "application/json"],
    ['application/json; a="b\\"c"; q=1;', "application/json"],
    ['application/json; a=""', "application/json"],
    ["application/json; a = b", "application/json"],
    ["application/json; a=b; A=b", "application/json"],
    ["application/json; a*0=b; a*1=c", "application/json"],
    ['application/json; a="C:\\dev"', "application/json"],
    ["form", "form"],
  ])("reads %j", (header, type) => {
    expect(parseMediaType(header)).toBe(type);
  });

  it.each([
    "application/json;x",
    "application/json; x=",
    "application/json;;",
    "application/json; =y",
    "application/json; a=b; a=c",
    "application/json; a=b c",
    'application/json; a="b',
    'application/json; a="b\\"',
    "application/json, text/plain",
    "application/json/x",
    "application/",
    "/json",
    "",
    ";",
  ])("does not read %j", (header) => {
    expect(parseMediaType(header)).toBeUndefined();
  });
});
