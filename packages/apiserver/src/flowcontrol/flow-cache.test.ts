import { expect, test } from "vitest";
import { parseRequestInfo } from "../http/request-info.ts";
import { FlowCache } from "./flow-cache.ts";

const alice = { name: "alice", groups: ["a", "b"] };
const pods = parseRequestInfo("GET", "/api/v1/namespaces/x/pods/1");

test("knows a request again by what decides its flow", () => {
  const cache = new FlowCache<number>(10);
  cache.set(alice, pods, 1);
  const get = (user: typeof alice, method: string, url: string): number | undefined =>
    cache.get(user, parseRequestInfo(method, url));
  expect(get({ name: "alice", groups: ["a", "b"] }, "GET", "/api/v1/namespaces/x/pods/2")).toBe(1);
  expect(get({ name: "alice", groups: ["a"] }, "GET", "/api/v1/namespaces/x/pods/2")).toBeUndefined();
  expect(get({ name: "bob", groups: ["a", "b"] }, "GET", "/api/v1/namespaces/x/pods/2")).toBeUndefined();
  expect(get(alice, "PUT", "/api/v1/namespaces/x/pods/2")).toBeUndefined();
  expect(get(alice, "GET", "/api/v1/namespaces/y/pods/2")).toBeUndefined();
  expect(get(alice, "GET", "/api/v1/namespaces/x/pods/2/log")).toBeUndefined();
  expect(get(alice, "GET", "/apis/g/v1/namespaces/x/pods/2")).toBeUndefined();
  expect(get(alice, "GET", "/pods")).toBeUndefined();
});

test("other groups of the same name take the place of the ones before", () => {
  const cache = new FlowCache<number>(10);
  cache.set(alice, pods, 1);
  const other = { name: "alice", groups: [] };
  cache.set(other, pods, 2);
  expect([cache.get(alice, pods), cache.get(other, pods)]).toEqual([undefined, 2]);
});

test("never grows beyond its limit", () => {
  const cache = new FlowCache<number>(3);
  for (let i = 0; i < 4; i++) cache.set(alice, parseRequestInfo("GET", `/path-${i}`), i);
  const found = [0, 1, 2, 3].map((i) => cache.get(alice, parseRequestInfo("GET", `/path-${i}`)));
  expect(found).toEqual([undefined, undefined, undefined, 3]);
});
