import { describe, expect, it } from "vitest";
import { remoteUserHeaders } from "./remote-user.ts";

describe("remoteUserHeaders", () => {
  it("has a value a line, and keys that a header name can hold", () => {
    const extra = { "example.com/role%": ["a", "b"] };
    expect(remoteUserHeaders({ name: "jane", uid: "1", groups: ["x", "y"], extra })).toEqual({
      "X-Remote-User": "jane",
      "X-Remote-Uid": "1",
      "X-Remote-Group": ["x", "y"],
      "X-Remote-Extra-example.com%2Frole%25": ["a", "b"],
    });
  });

  it("says nothing of what there is not", () => {
    expect(remoteUserHeaders({ name: "jane", groups: [] })).toEqual({ "X-Remote-User": "jane" });
  });
});
