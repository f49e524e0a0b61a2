import { expect, it } from "vitest";
import { DisposableStore } from "./disposable.ts";

it("gives everything back in reverse, once, even past failures", async () => {
  const store = new DisposableStore();
  const seen: string[] = [];
  store.add(() => void seen.push("first"));
  store.add({ [Symbol.dispose]: () => void seen.push("second") });
  store.add(() => {
    throw new Error("third");
  });
  store.add({ [Symbol.asyncDispose]: () => Promise.resolve().then(() => void seen.push("fourth")) });
  await expect(store[Symbol.asyncDispose]()).rejects.toThrow("third");
  expect(seen).toEqual(["fourth", "second", "first"]);
  await store[Symbol.asyncDispose]();
  expect(seen).toHaveLength(3);
});

it("reports all failures together", async () => {
  const store = new DisposableStore();
  store.add(() => Promise.reject(new Error("a")));
  store.add(() => Promise.reject(new Error("b")));
  await expect(store[Symbol.asyncDispose]()).rejects.toMatchObject({ errors: [{ message: "b" }, { message: "a" }] });
});
