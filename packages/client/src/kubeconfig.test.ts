import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { loadKubeconfig } from "./kubeconfig.ts";

const dir = mkdtempSync(join(tmpdir(), "knots-kubeconfig-"));
const file = join(dir, "config");
afterAll(() => rmSync(dir, { recursive: true }));

const odd = fc.constantFrom<unknown>(null, 1, true, "c", [], {});
const mostly = (usual: unknown): fc.Arbitrary<unknown> => fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, odd);
const fields = (usual: Record<string, unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record(Object.fromEntries(Object.entries(usual).map(([name, value]) => [name, mostly(value)]))),
    },
    odd,
  );
const list = (kind: string, usual: Record<string, unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.array(
        fc.oneof({ weight: 8, arbitrary: fc.record({ name: mostly("c"), [kind]: fields(usual) }) }, odd),
        { minLength: 1, maxLength: 2 },
      ),
    },
    odd,
  );
const config = fc.record({
  "current-context": mostly("c"),
  contexts: list("context", { cluster: "c", user: "c" }),
  clusters: list("cluster", { server: "https://127.0.0.1:6443", "certificate-authority-data": "AA==" }),
  users: list("user", { token: "t", "client-key-data": "AA==" }),
});

it("reads any file, or says which one it cannot and why", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        config.map((value) => JSON.stringify(value)),
        fc.string({ unit: "binary", maxLength: 40 }),
      ),
      (text) => {
        writeFileSync(file, text);
        try {
          expect(typeof loadKubeconfig(file).server).toBe("string");
        } catch (error) {
          expect((error as Error).message).toContain(file);
        }
      },
    ),
    { numRuns: 3000 },
  );
});
