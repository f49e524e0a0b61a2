import { describe, expect, test } from "vitest";
import type { FlowSchema } from "@knots/api/flowcontrol/v1";
import { danglingCondition } from "./dangling.ts";
import { AUTOUPDATE, isObsolete, maintain } from "./maintain.ts";

const wanted: FlowSchema = { metadata: { name: "s" }, spec: { priorityLevelConfiguration: { name: "l" } } };
const stored = (level: string, annotation?: string, generation = 2): FlowSchema => ({
  metadata: {
    name: "s",
    uid: "u",
    generation,
    annotations: { mine: "1", ...(annotation === undefined ? {} : { [AUTOUPDATE]: annotation }) },
  },
  spec: { priorityLevelConfiguration: { name: level } },
});

describe("a default object", () => {
  test("that is missing is made", () => {
    expect(maintain(wanted, undefined, false)).toMatchObject({
      action: "create",
      object: { metadata: { name: "s", annotations: { [AUTOUPDATE]: "true" } } },
    });
  });
  test.each<[string, FlowSchema, boolean, string | undefined, string | undefined]>([
    ["as wanted", stored("l", "true"), false, undefined, undefined],
    ["changed under our care", stored("other", "true"), false, "l", "true"],
    ["taken over by the operator", stored("other", "false"), false, undefined, undefined],
    ["mandatory and taken over", stored("other", "false"), true, "l", "true"],
    ["unmarked and never changed", stored("other", undefined, 1), false, "l", "true"],
    ["unmarked and changed", stored("other", undefined, 2), false, "other", "false"],
    ["marked with nonsense", stored("other", "maybe", 2), false, "other", "false"],
  ])("%s", (_, current, mandatory, level, annotation) => {
    const result = maintain(wanted, current, mandatory);
    if (level === undefined) {
      expect(result).toEqual({ action: "none" });
      return;
    }
    expect(result).toMatchObject({
      action: "update",
      object: {
        metadata: { uid: "u", annotations: { mine: "1", [AUTOUPDATE]: annotation } },
        spec: { priorityLevelConfiguration: { name: level } },
      },
    });
    expect(current.metadata?.annotations?.["mine"]).toBe("1");
  });
  test("of an earlier version goes only while it is the server's", () => {
    expect(isObsolete(stored("l", "true"), new Set(["t"]))).toBe(true);
    expect(isObsolete(stored("l", "true"), new Set(["s"]))).toBe(false);
    expect(isObsolete(stored("l", "false"), new Set())).toBe(false);
    expect(isObsolete(stored("l"), new Set())).toBe(false);
  });
});

describe("Dangling", () => {
  const NOW = "2026-01-01T00:00:00Z";
  test("tells in upstream's words whether the level exists", () => {
    expect(danglingCondition(wanted, true, NOW)).toEqual({
      type: "Dangling",
      status: "False",
      reason: "Found",
      message: 'This FlowSchema references the PriorityLevelConfiguration object named "l" and it exists',
      lastTransitionTime: NOW,
    });
    expect(danglingCondition(wanted, false, NOW)).toMatchObject({
      status: "True",
      reason: "NotFound",
      message: 'This FlowSchema references the PriorityLevelConfiguration object named "l" but there is no such object',
    });
  });
  test("is written only when it changes, and keeps the time of its last turn", () => {
    const found = danglingCondition(wanted, true, NOW);
    const schema = (status: FlowSchema["status"]): FlowSchema => ({ ...wanted, status: status ?? {} });
    expect(danglingCondition(schema({ conditions: found ? [found] : [] }), true, "later")).toBeUndefined();
    const other = schema({ conditions: found ? [{ ...found, message: "named otherwise" }] : [] });
    expect(danglingCondition(other, true, "later")?.lastTransitionTime).toBe(NOW);
    expect(danglingCondition(other, false, "later")?.lastTransitionTime).toBe("later");
  });
});
