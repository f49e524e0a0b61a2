import { expect } from "vitest";
import type { Answer } from "./harness.ts";

/** That an answer is a Status with these, in the body and in the HTTP status alike. */
export function expectFailure(
  answer: Answer,
  code: number,
  reason: string | undefined,
  message: string | RegExp,
): void {
  expect(answer.body).toMatchObject({ kind: "Status", apiVersion: "v1", status: "Failure", code });
  expect(answer.status).toBe(code);
  expect(answer.body.reason).toBe(reason);
  if (typeof message === "string") expect(answer.body.message).toBe(message);
  else expect(answer.body.message).toMatch(message);
}
