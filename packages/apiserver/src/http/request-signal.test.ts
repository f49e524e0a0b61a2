import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { RequestSignal } from "./request-signal.ts";
import type { ApiResponse } from "./types.ts";

function response(destroyed = false): EventEmitter & ApiResponse {
  return Object.assign(new EventEmitter(), { destroyed }) as unknown as EventEmitter & ApiResponse;
}

describe("RequestSignal", () => {
  it("listens only when somebody asks for the signal", () => {
    const answer = response();
    const life = new RequestSignal(answer);
    expect(answer.listenerCount("close")).toBe(0);
    expect(life.signal.aborted).toBe(false);
    answer.emit("close");
    expect(life.signal.aborted).toBe(true);
  });

  it("is aborted from the start when the answer was closed, or abort() called, before anybody asked", () => {
    expect(new RequestSignal(response(true)).signal.aborted).toBe(true);
    const life = new RequestSignal(response());
    life.abort();
    expect(life.signal.aborted).toBe(true);
  });

  it("is aborted by abort()", () => {
    const life = new RequestSignal(response());
    const { signal } = life;
    life.abort();
    expect(signal.aborted).toBe(true);
  });
});
