import { describe, expect, it } from "vitest";
import { NodeInfo } from "../framework/node-info.ts";
import { podInfo } from "../framework/pod-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { Cache } from "./cache.ts";
import { Snapshot } from "./snapshot.ts";

const node = (name: string): NodeInfo => new NodeInfo(name);
const pod = (name: string, app: string, namespace = "default"): PodInfo =>
  podInfo({
    metadata: { name, namespace, uid: `${namespace}/${name}/${app}`, labels: { app } },
    spec: { containers: [] },
  });
const isWeb = (info: PodInfo): boolean => info.pod.metadata?.labels?.["app"] === "web";

describe("Snapshot.matchCounts", () => {
  it("counts the pods that are there when it is first asked, and follows those that come and go", () => {
    const snapshot = new Snapshot();
    const [a, b] = [node("a"), node("b")];
    const first = pod("1", "web");
    snapshot.podAdded(first, a);
    snapshot.podAdded(pod("2", "db"), a);
    snapshot.podAdded(pod("3", "web", "other"), a);
    const counts = snapshot.matchCounts("default", "app=web", isWeb);
    expect([counts.on(a), counts.on(b)]).toEqual([1, 0]);
    snapshot.podAdded(pod("4", "web"), b);
    snapshot.podAdded(pod("5", "web"), b);
    snapshot.podRemoved(first, a);
    expect(snapshot.matchCounts("default", "app=web", isWeb)).toBe(counts);
    expect([...counts.nodes]).toEqual([[b, 2]]);
  });

  it("does not take away what it never counted", () => {
    const snapshot = new Snapshot();
    const a = node("a");
    const db = pod("1", "db");
    snapshot.podAdded(db, a);
    const counts = snapshot.matchCounts("default", "app=web", isWeb);
    snapshot.podAdded(pod("2", "web"), a);
    snapshot.podRemoved(db, a);
    expect(counts.on(a)).toBe(1);
  });

  it("adds up by domain, and anew when a node's labels change", () => {
    const cache = new Cache();
    const zoned = (name: string, zone: string) => ({ metadata: { name, labels: { zone } } });
    cache.setNode(zoned("a", "1"));
    cache.setNode(zoned("b", "2"));
    const [first, second] = [pod("1", "web"), pod("2", "web")];
    cache.assume(first, "a");
    const counts = cache.snapshot().matchCounts("default", "app=web", isWeb);
    expect([...counts.domains("zone")]).toEqual([["1", 1]]);
    cache.assume(second, "b");
    expect(counts.domains("zone").get("2")).toBe(1);
    cache.setNode(zoned("b", "1"));
    expect([...counts.domains("zone")]).toEqual([["1", 2]]);
    cache.removePod(second.uid);
    expect(counts.domains("zone").get("1")).toBe(1);
    cache.removeNode("a");
    expect([...counts.domains("zone")]).toEqual([]);
  });

  it("forgets the selectors that were asked for longest ago", () => {
    const snapshot = new Snapshot();
    const first = snapshot.matchCounts("default", "0", isWeb);
    for (let i = 1; i <= 256; i++) snapshot.matchCounts("default", String(i), isWeb);
    expect(snapshot.matchCounts("default", "0", isWeb)).not.toBe(first);
    const last = snapshot.matchCounts("default", "256", isWeb);
    expect(snapshot.matchCounts("default", "256", isWeb)).toBe(last);
  });
});
