import { newCA } from "@knots/machinery/pki/index";
import { describe, expect, it } from "vitest";
import { combine } from "./authentication-config.ts";

const YEAR_MS = 365 * 86_400_000;

describe("combine", () => {
  it("keeps what other servers need, each once, and drops what has expired", async () => {
    const [a, b] = await Promise.all([newCA("a"), newCA("b")]);
    const present = { "client-ca-file": a.certPem, "requestheader-allowed-names": '["x","y"]', other: "kept" };
    const own = { "client-ca-file": `${a.certPem}\n${b.certPem}`, "requestheader-allowed-names": '["y","z"]' };
    const combined = combine(present, own, Date.now());
    expect(combined["client-ca-file"]).toBe(`${a.certPem.trim()}\n${b.certPem.trim()}\n`);
    expect(combined).toMatchObject({ "requestheader-allowed-names": '["x","y","z"]', other: "kept" });
    expect(combine(present, own, Date.now() + 11 * YEAR_MS)["client-ca-file"]).toBe("\n");
  });

  it("replaces what is no list, and lets no list of names mean every name", () => {
    const key = "requestheader-allowed-names";
    expect(combine({ [key]: "x, y" }, { [key]: '["z"]' }, 0)[key]).toBe('["z"]');
    expect(combine({ [key]: "[]" }, { [key]: '["z"]' }, 0)[key]).toBe("[]");
    const uid = "requestheader-uid-headers";
    expect(combine({ [uid]: "[]" }, { [uid]: '["z"]' }, 0)[uid]).toBe('["z"]');
  });
});
