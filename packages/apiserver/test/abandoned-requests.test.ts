import { once } from "node:events";
import { connect, constants } from "node:http2";
import { expect, it } from "vitest";
import { Harness } from "./harness.ts";

it("a client that gives up thousands of watches keeps its connection", async () => {
  await using api = await Harness.start();
  const { server, caData, clientCertData, clientKeyData } = api.server.loopbackConfig;
  const session = connect(server, { ca: caData, cert: clientCertData, key: clientKeyData });
  const failures: unknown[] = [];
  session.on("error", (error) => failures.push(error));
  session.on("goaway", (code) => failures.push(`GOAWAY ${code}`));
  const path = "/api/v1/namespaces/default/configmaps?watch=true";
  try {
    for (let round = 0; round < 30; round++) {
      const watches = Array.from({ length: 100 }, () => session.request({ ":path": path }));
      for (const watch of watches) watch.on("error", () => undefined);
      await Promise.all(watches.map((watch) => once(watch, "response")));
      for (const watch of watches) watch.close(constants.NGHTTP2_CANCEL);
    }
    const last = session.request({ ":path": "/version" });
    const [headers] = (await once(last, "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(200);
    expect(failures).toEqual([]);
  } finally {
    session.destroy();
  }
});
