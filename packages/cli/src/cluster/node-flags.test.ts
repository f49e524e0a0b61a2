import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NODE_FLAGS } from "./node-flags.ts";

const launcher = readFileSync(new URL("../../../../knots", import.meta.url), "utf8");

describe("the launcher", () => {
  it("runs single components as a cluster runs them", () => {
    const flagsOf = (component: string): string[] => {
      const [, flags = ""] =
        new RegExp(`^\\s*[\\w| -]*\\b${component}\\b.*flags\\+=\\((.*)\\)`, "m").exec(launcher) ?? [];
      return flags.split(" ");
    };
    expect(flagsOf("apiserver")).toEqual(NODE_FLAGS.server.slice(1));
    for (const component of ["controller-manager", "scheduler", "kubelet"])
      expect(flagsOf(component)).toEqual(NODE_FLAGS.large.slice(1));
  });
});
