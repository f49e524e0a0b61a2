import { describe, expect, it } from "vitest";
import { checkDuplicates, readConfiguration } from "./configuration.ts";

const CONFIG_MAP = { group: "", version: "v1", kind: "ConfigMap" };
const read = (text: string) => readConfiguration(new TextEncoder().encode(text), CONFIG_MAP);
const HEAD = "apiVersion: v1\nkind: ConfigMap\n";

describe("readConfiguration", () => {
  it("reads JSON and YAML alike, in block and flow style", () => {
    const object = { apiVersion: "v1", kind: "ConfigMap", data: { a: "1" } };
    for (const text of [
      JSON.stringify(object),
      `${HEAD}data:\n  a: "1"\n`,
      `{apiVersion: v1, kind: ConfigMap, data: {a: "1"}}`,
    ]) {
      expect(read(text)).toEqual({ object, duplicates: [] });
    }
  });

  it("finds keys that are there twice, and takes the last", () => {
    expect(read(`${HEAD}data:\n  a: x\n  b: z\n  a: w\n`)).toMatchObject({
      object: { data: { a: "w" } },
      duplicates: ['line 6: key "a" already set in map'],
    });
    expect(read('{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"x","a":"w"}}')).toMatchObject({
      object: { data: { a: "w" } },
      duplicates: ['line 1: key "a" already set in map'],
    });
  });

  it.each([
    ["", "cannot unmarshal null into Go value"],
    ["just a text", "cannot unmarshal string into Go value of type map[string]interface {}"],
    ["[1]", "cannot unmarshal array into Go value"],
    ["a: [", "error decoding YAML: "],
    ["apiVersion: v1\n", "invalid object type: /v1, Kind="],
    ["kind: ConfigMap\n", "invalid object type: /, Kind=ConfigMap"],
    ["apiVersion: apps/v1\nkind: ConfigMap\n", "invalid object type: apps/v1, Kind=ConfigMap"],
  ])("refuses %j", (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

describe("checkDuplicates", () => {
  const twice = { object: {}, duplicates: ['line 2: key "a" already set in map'] };
  const text = 'error converting YAML to JSON: yaml: unmarshal errors:\n  line 2: key "a" already set in map';

  it("refuses, warns or is silent", () => {
    const warnings: string[] = [];
    const warn = (warning: string): void => {
      warnings.push(warning);
    };
    expect(() => checkDuplicates(twice, "Strict", warn)).toThrow(`error strict decoding YAML: ${text}`);
    checkDuplicates(twice, "Ignore", warn);
    expect(warnings).toEqual([]);
    checkDuplicates(twice, "Warn", warn);
    expect(warnings).toEqual(twice.duplicates);
    checkDuplicates({ object: {}, duplicates: [] }, "Strict", warn);
  });
});
