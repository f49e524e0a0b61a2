import { expect, it } from "vitest";
import { addAll } from "./add-all.ts";

it("adds more items than a call has room for arguments", () => {
  const list = [0];
  addAll(
    list,
    Array.from({ length: 500_000 }, (_, index) => index + 1),
  );
  expect([list.length, list[0], list.at(-1)]).toEqual([500_001, 0, 500_000]);
});
