import { expect, test } from "vitest";
import { dealHand, hashFlow } from "./shuffle-sharding.ts";

test("a hand holds different queues, always the same for a flow", () => {
  for (let i = 0; i < 200; i++) {
    const hand = dealHand(hashFlow("schema", `user-${i}`), 64, 8);
    expect(new Set(hand).size).toBe(8);
    expect(hand.every((card) => card >= 0 && card < 64)).toBe(true);
    expect(dealHand(hashFlow("schema", `user-${i}`), 64, 8)).toEqual(hand);
  }
});

test("the digits of the hash in the factorial base choose among the cards that are left", () => {
  // 0: the first of those left, each time.
  expect(dealHand(0n, 5, 3)).toEqual([0, 1, 2]);
  // 4 of 5, then 3 of the 4 left, then 2 of the 3 left.
  expect(dealHand(4n + 5n * (3n + 4n * 2n), 5, 3)).toEqual([4, 3, 2]);
  // 2 of 5; then 2 of {0,1,3,4} is 3; then 2 of {0,1,4} is 4.
  expect(dealHand(2n + 5n * (2n + 4n * 2n), 5, 3)).toEqual([2, 3, 4]);
});

test("every ordered hand is dealt by exactly one of the hashes below their number", () => {
  const hands = new Set(Array.from({ length: 60 }, (_, i) => dealHand(BigInt(i), 5, 3).join()));
  expect(hands.size).toBe(60);
});

test("a hand is no larger than the deck", () => {
  expect(new Set(dealHand(7n, 2, 6))).toEqual(new Set([0, 1]));
});
