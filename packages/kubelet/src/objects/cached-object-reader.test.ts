import { expect, test } from "vitest";
import type { ConfigMap } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import { FakeClock } from "@knots/machinery";
import { CachedObjectReader } from "./cached-object-reader.ts";

function reader() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const state = { value: "old", missing: false };
  const client = {
    resource: (_: unknown, namespace: string) => ({
      get: (name: string): Promise<ConfigMap> => {
        asked.push(`${namespace}/${name}`);
        if (state.missing) return Promise.reject(new Error("not found"));
        return Promise.resolve({ metadata: { name, namespace }, data: { key: state.value } });
      },
    }),
  } as unknown as Client;
  const it = new CachedObjectReader(client, clock);
  const value = async (namespace = "d"): Promise<string | undefined> =>
    (await it.configMap(namespace, "config")).data?.["key"];
  return { it, clock, asked, state, value };
}

test("pods that share an object ask for it once", async () => {
  const { asked, value } = reader();
  await Promise.all([value(), value()]);
  await value();
  expect(asked).toEqual(["d/config"]);
});

test("a container that starts sees what changed since the object was read", async () => {
  const { it, clock, state, value } = reader();
  await value();
  state.value = "new";
  await clock.advance(30_000);
  expect(await value()).toBe("old");
  it.invalidate("d", 1_000);
  expect(await value()).toBe("new");
});

test("what was read a moment ago serves the containers that start together", async () => {
  const { it, clock, asked, value } = reader();
  await value();
  await clock.advance(500);
  it.invalidate("d", 1_000);
  await value();
  expect(asked).toHaveLength(1);
  it.invalidate("d");
  await value();
  expect(asked).toHaveLength(2);
});

test("other namespaces keep what they read", async () => {
  const { it, clock, asked, value } = reader();
  await value("e");
  await clock.advance(30_000);
  it.invalidate("d");
  await value("e");
  expect(asked).toEqual(["e/config"]);
});

test("that an object is missing is not remembered", async () => {
  const { state, value } = reader();
  state.missing = true;
  await expect(value()).rejects.toThrow("not found");
  state.missing = false;
  expect(await value()).toBe("old");
});
