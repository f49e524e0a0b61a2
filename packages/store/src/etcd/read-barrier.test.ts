import { expect, test } from "vitest";
import { ReadBarrier } from "./read-barrier.ts";

/** A barrier whose questions the test answers by hand. */
function manual(): {
  barrier: ReadBarrier;
  questions: { resolve(revision: number): void; reject(error: Error): void }[];
} {
  const questions: { resolve(revision: number): void; reject(error: Error): void }[] = [];
  const barrier = new ReadBarrier(() => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    questions.push({ resolve, reject });
    return promise;
  });
  return { barrier, questions };
}

test("asks once for all who come while a question is under way, after it", async () => {
  const { barrier, questions } = manual();
  const first = barrier.revision();
  const later = Promise.all([barrier.revision(), barrier.revision(), barrier.revision()]);
  expect(questions).toHaveLength(1);
  questions[0]?.resolve(5);
  expect(await first).toBe(5);
  await expect.poll(() => questions.length).toBe(2);
  questions[1]?.resolve(8);
  expect(await later).toEqual([8, 8, 8]);
  const next = barrier.revision();
  expect(questions).toHaveLength(3);
  questions[2]?.resolve(9);
  expect(await next).toBe(9);
});

test("fails all who wait for a question that failed, and asks anew after that", async () => {
  const { barrier, questions } = manual();
  const first = barrier.revision();
  const second = barrier.revision();
  const failed = Promise.all([expect(first).rejects.toThrow("no answer"), expect(second).rejects.toThrow("no answer")]);
  questions[0]?.reject(new Error("no answer"));
  await failed;
  const third = barrier.revision();
  expect(questions).toHaveLength(2);
  questions[1]?.resolve(3);
  expect(await third).toBe(3);
});
