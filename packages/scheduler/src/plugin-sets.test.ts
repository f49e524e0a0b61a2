import { describe, expect, it } from "vitest";
import { nullLogger } from "@knots/machinery";
import { parseConfiguration } from "./config.ts";
import { buildProfile, DEFAULT_PLUGINS } from "./default-profile.ts";
import type { Handle, Listers } from "./framework/handle.ts";
import { expandPlugins, multiPointPlugins } from "./plugin-sets.ts";
import type { PluginSets } from "./plugin-sets.ts";

/** What each implements. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  sort: ["queueSort"],
  fit: ["preFilter", "filter", "score"],
  zone: ["filter"],
  taste: ["preScore", "score"],
  bind: ["bind"],
};
const DEFAULTS = [{ name: "sort" }, { name: "fit", weight: 2 }, { name: "zone" }, { name: "bind" }];

function expand(sets: PluginSets) {
  const multiPoint = multiPointPlugins(DEFAULTS, sets.multiPoint);
  return expandPlugins(sets, multiPoint, (name, point) => KNOWN[name]?.includes(point));
}
const names = (...list: string[]) => list.map((name) => ({ name }));

describe("multiPoint", () => {
  it.each<[string, NonNullable<PluginSets["multiPoint"]>, string[]]>([
    ["nothing", {}, ["sort", "fit", "zone", "bind"]],
    ["one disabled", { disabled: names("zone") }, ["sort", "fit", "bind"]],
    ["all disabled and some enabled", { disabled: names("*"), enabled: names("bind", "sort") }, ["bind", "sort"]],
    ["another enabled: it comes last", { enabled: names("taste") }, ["sort", "fit", "zone", "bind", "taste"]],
    ["a default enabled anew: it keeps its place", { enabled: names("zone", "fit") }, ["sort", "fit", "zone", "bind"]],
    [
      "disabled and enabled: it moves to the end",
      { disabled: names("fit"), enabled: names("fit") },
      ["sort", "zone", "bind", "fit"],
    ],
  ])("%s", (_name, set, expected) => {
    expect(multiPointPlugins(DEFAULTS, set).map(({ name }) => name)).toEqual(expected);
  });

  it("takes the weight of a default that is enabled anew", () => {
    expect(expand({ multiPoint: { enabled: [{ name: "fit", weight: 7 }] } }).weights.get("fit")).toBe(7);
    expect(expand({ multiPoint: { enabled: names("fit") } }).weights.get("fit")).toBe(1);
    expect(expand({}).weights.get("fit")).toBe(2);
  });
});

describe("single extension points", () => {
  it("have the plug-ins of multiPoint that implement them", () => {
    const { points } = expand({});
    expect([points.queueSort, points.preFilter, points.filter, points.bind, points.postFilter]).toEqual([
      ["sort"],
      ["fit"],
      ["fit", "zone"],
      ["bind"],
      [],
    ]);
  });

  it.each<[string, PluginSets, string[], string[]]>([
    ["one left out at one point", { filter: { disabled: names("fit") } }, ["zone"], ["fit"]],
    ["all left out at one point", { filter: { disabled: names("*") } }, [], ["fit"]],
    ["only its own at one point", { filter: { disabled: names("*"), enabled: names("zone") } }, ["zone"], ["fit"]],
    ["one moved to the front", { filter: { enabled: names("zone") } }, ["zone", "fit"], ["fit"]],
    [
      "the order of the point for what both name",
      { filter: { enabled: names("zone", "fit") } },
      ["zone", "fit"],
      ["fit"],
    ],
    [
      "one that multiPoint does not name comes last",
      { score: { enabled: names("taste") } },
      ["fit", "zone"],
      ["fit", "taste"],
    ],
    [
      "disabled for multiPoint and enabled at a point",
      { multiPoint: { disabled: names("fit") }, filter: { enabled: names("fit") } },
      ["zone", "fit"],
      [],
    ],
  ])("%s", (_name, sets, filter, score) => {
    const { points } = expand(sets);
    expect([points.filter, points.score]).toEqual([filter, score]);
  });

  it("prefer the weight of score to that of multiPoint", () => {
    const sets = {
      score: { enabled: [{ name: "fit", weight: 9 }] },
      multiPoint: { enabled: [{ name: "fit", weight: 3 }] },
    };
    expect(expand(sets).weights.get("fit")).toBe(9);
  });

  it.each<[string, PluginSets, string]>([
    ["a plug-in that does not exist", { filter: { enabled: names("x") } }, 'FilterPlugin "x" does not exist'],
    ["one that does not for multiPoint", { multiPoint: { enabled: names("x") } }, 'plugin "x" does not exist'],
    [
      "one that has nothing to do there",
      { bind: { enabled: names("zone") } },
      'plugin "zone" does not extend BindPlugin plugin',
    ],
    ["one twice", { filter: { enabled: names("fit", "fit") } }, 'plugin "fit" already registered as "FilterPlugin"'],
    [
      "one twice for multiPoint",
      { multiPoint: { enabled: names("taste", "taste") } },
      'plugin "taste" already registered as "PreScorePlugin"',
    ],
  ])("refuse %s", (_name, sets, message) => {
    expect(() => expand(sets)).toThrow(message);
  });
});

describe("a profile", () => {
  const handle = {
    schedulerName: "s",
    logger: nullLogger,
    extenders: [],
    listers: { dynamicResources: {} } as Listers,
  } as unknown as Handle;
  const profile = (plugins: object) => {
    const text = JSON.stringify({
      apiVersion: "kubescheduler.config.k8s.io/v1",
      kind: "KubeSchedulerConfiguration",
      profiles: [{ schedulerName: "s", plugins, percentageOfNodesToScore: 30 }],
    });
    const [options] = parseConfiguration(text).options.profiles ?? [];
    return buildProfile(handle, options ?? { schedulerName: "s" });
  };

  it("is made of the default plug-ins, each once", () => {
    expect(profile({}).plugins.map(({ name }) => name)).toEqual(DEFAULT_PLUGINS);
    expect(profile({}).percentageOfNodesToScore).toBe(30);
  });

  it("has only what is named anywhere", () => {
    const own = {
      multiPoint: { disabled: names("*"), enabled: names("DefaultBinder") },
      queueSort: { enabled: names("PrioritySort") },
    };
    expect(profile(own).plugins.map(({ name }) => name)).toEqual(["PrioritySort", "DefaultBinder"]);
  });

  it.each([
    [
      { queueSort: { disabled: names("*") } },
      'only one queue sort plugin required for profile with scheduler name "s", but got 0',
    ],
    [
      { bind: { disabled: names("DefaultBinder") } },
      'at least one bind plugin is needed for profile with scheduler name "s"',
    ],
    [{ score: { enabled: names("NodeName") } }, 'profile s: plugin "NodeName" does not extend ScorePlugin plugin'],
    [{ multiPoint: { enabled: names("Coscheduling") } }, 'profile s: plugin "Coscheduling" does not exist'],
    [{ sort: {} }, "profile s: plugins.sort is no extension point"],
  ])("is refused with %j", (plugins, message) => {
    expect(() => profile(plugins)).toThrow(message);
  });
});
