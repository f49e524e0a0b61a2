import { createHash } from "node:crypto";

/** The 64 bits that a flow is dealt by. */
export function hashFlow(schema: string, distinguisher: string): bigint {
  return createHash("sha256").update(`${schema},`).update(distinguisher).digest().readBigUInt64LE(0);
}

/**
 * Deals a hand of `handSize` different cards out of 0…deckSize-1: the hash is read as a number in the factorial base,
 * each digit of which says how many of the remaining cards to pass over.
 */
export function dealHand(hash: bigint, deckSize: number, handSize: number): number[] {
  const hand: number[] = [];
  let rest = hash;
  for (let i = 0; i < Math.min(handSize, deckSize); i++) {
    const left = BigInt(deckSize - i);
    let card = Number(rest % left);
    rest /= left;
    // The place among the cards still there, turned into the card's own number.
    for (const taken of hand.toSorted((a, b) => a - b)) if (taken <= card) card++;
    hand.push(card);
  }
  return hand;
}
