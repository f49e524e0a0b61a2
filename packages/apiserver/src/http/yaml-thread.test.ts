import { expect, it, vi } from "vitest";
import * as yamlDocument from "./yaml-document.ts";
import { prepareYaml, readYaml } from "./yaml-thread.ts";

const LONG = "x".repeat(70_000);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

it.each<[string, string, unknown]>([
  ["text", `a: ${LONG}`, { a: LONG }],
  ["a long integer", `a: 9007199254740993\nb: ${LONG}`, { a: 9007199254740993n, b: LONG }],
  ["half a surrogate pair", `a: "\\ud800"\nb: ${LONG}`, { a: "\ufffd", b: LONG }],
  ["what looks like JSON at first", `{a: ${LONG}}`, { a: LONG }],
])("reads a long body in a thread: %s", async (_name, text, value) => {
  const here = vi.spyOn(yamlDocument, "attemptYaml");
  const body = bytes(text);
  await prepareYaml(body);
  expect(readYaml(body)).toEqual({ value, duplicates: [] });
  expect(here).not.toHaveBeenCalled();
  here.mockRestore();
});

it("tells what is wrong with a long body", async () => {
  const body = bytes(`a: ${LONG}\nb: [`);
  await prepareYaml(body);
  expect(() => readYaml(body)).toThrow(/^yaml: line 2: /);
});

it("reads several long bodies, whatever becomes of the others", async () => {
  const bodies = [`a: ${LONG}1`, `a: [${LONG}`, `a: ${LONG}2\na: 3`].map(bytes);
  await Promise.all(bodies.map(prepareYaml));
  const [first, second, third] = bodies as [Uint8Array, Uint8Array, Uint8Array];
  expect(readYaml(first).value).toEqual({ a: `${LONG}1` });
  expect(() => readYaml(second)).toThrow(/^yaml: line 1: /);
  expect(readYaml(third)).toEqual({ value: { a: 3 }, duplicates: [{ key: "a", line: 2 }] });
});
