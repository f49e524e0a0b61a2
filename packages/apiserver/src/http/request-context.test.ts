import { describe, expect, it } from "vitest";
import { RequestPassage } from "./request-context.ts";
import { parseRequestInfo } from "./request-info.ts";
import { RequestSignal } from "./request-signal.ts";
import type { ApiRequest, ApiResponse } from "./types.ts";

function newPassage(response: ApiResponse): RequestPassage {
  return new RequestPassage({
    info: parseRequestInfo("GET", "/api/v1/pods"),
    request: { headers: { "user-agent": "test/1" } } as unknown as ApiRequest,
    response,
    user: { name: "u", groups: [] },
    auditId: "a",
    startedAt: 0,
    audit: undefined,
    life: new RequestSignal(response),
    seat: undefined,
  });
}

describe("the context of a request", () => {
  it("says each warning once, as long as the headers are not sent", () => {
    const headers: string[] = [];
    const response = { headersSent: false, setHeader: (_name: string, value: string[]) => headers.push(value.join()) };
    const ctx = newPassage(response as unknown as ApiResponse);
    ctx.warn("one");
    ctx.warn("one");
    ctx.warn("two");
    response.headersSent = true;
    ctx.warn("three");
    expect(headers).toEqual(['299 - "one"', '299 - "one",299 - "two"']);
    expect(ctx.userAgent).toBe("test/1");
  });
});
