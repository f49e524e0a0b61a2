import { FakeClock, nullLogger } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { Client } from "./client.ts";
import { EventRecorder } from "./event-recorder.ts";

describe("EventRecorder", () => {
  it("drops events beyond a thousand that wait, and tells again once they are written", async () => {
    const written: string[] = [];
    const gate = Promise.withResolvers<void>();
    const resource = {
      create: async (event: { involvedObject: { name: string } }) => {
        await gate.promise;
        written.push(event.involvedObject.name);
      },
    };
    const client = { resource: () => resource } as unknown as Client;
    const recorder = new EventRecorder({ client, component: "test", clock: new FakeClock(), logger: nullLogger });
    const tell = (name: string): void =>
      recorder.event({ kind: "Pod", name, namespace: "default" }, "Normal", "R", "m");
    for (let i = 0; i < 1500; i++) tell(`pod-${i}`);
    gate.resolve();
    await recorder.flush();
    expect(written).toHaveLength(1000);
    expect(written.at(-1)).toBe("pod-999");
    tell("later");
    await recorder.flush();
    expect(written.at(-1)).toBe("later");
  });
});
