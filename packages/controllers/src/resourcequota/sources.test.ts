import { Client, InformerFactory } from "@knots/client";
import { FakeClock, nullLogger } from "@knots/machinery";
import { expect, test } from "vitest";
import { defaultControllerOptions } from "../framework/options.ts";
import { QueueMetrics } from "../framework/queue-metrics.ts";
import { QuotaSources } from "./sources.ts";

/** A server that names widgets in discovery and never gives them out. */
class WidgetsClient extends Client {
  override request(_method: string, path: string): Promise<unknown> {
    const group = { name: "example.com", preferredVersion: { version: "v1", groupVersion: "example.com/v1" } };
    const verbs = ["create", "delete", "list", "watch"];
    const widgets = { name: "widgets", kind: "Widget", namespaced: true, verbs };
    if (path === "/apis") return Promise.resolve({ groups: [group] });
    if (path === "/api/v1") return Promise.resolve({ resources: [] });
    if (path === "/apis/example.com/v1") return Promise.resolve({ resources: [widgets] });
    return Promise.reject(new Error(`${path} is not served any more`));
  }
}

async function setUp() {
  const clock = new FakeClock();
  const client = new WidgetsClient({ server: "https://127.0.0.1:1" });
  const context = { clock, logger: nullLogger };
  const informers = new InformerFactory(client, context);
  const recorder = (): never => {
    throw new Error("nothing is told here");
  };
  const sources = new QuotaSources(
    { ...context, client, informers, options: defaultControllerOptions, queues: new QueueMetrics(), recorder },
    () => undefined,
  );
  return { clock, sources };
}

test("what nobody serves is told at once", async () => {
  const { sources } = await setUp();
  expect(await sources.open("gadgets.example.com")).toBe(false);
  expect(sources.list("gadgets.example.com", "ns")).toBeUndefined();
  await sources.dispose();
});

test("objects that never come: given up after a while, and when all ends", async () => {
  const { clock, sources } = await setUp();
  const first = expect(sources.open("widgets.example.com")).rejects.toThrow("stopped before widgets were read");
  await clock.advance(31_000);
  await first;
  const second = expect(sources.open("widgets.example.com")).rejects.toThrow("stopped before widgets were read");
  await clock.advance(1);
  await sources.dispose();
  await second;
});
