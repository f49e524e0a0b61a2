import { mkdtempSync } from "node:fs";
import * as bodies from "./api/bodies.ts";
import { call, startKnots, TOKEN } from "./api/servers.ts";
import { wrk } from "./api/wrk.ts";
const [kind = "pods", secs = "3", runs = "3"] = process.argv.slice(2);
const dir = mkdtempSync("/tmp/lead/p-");
{
  await using knots = await startKnots(dir);
  await call(
    `${knots.url}/api/v1/namespaces/default/serviceaccounts`,
    "POST",
    JSON.stringify({ metadata: { name: "default" } }),
  );
  for (let i = 0; i < Number(runs); i++) {
    const m = await wrk(
      {
        url: `${knots.url}/api/v1/namespaces/default/${kind}`,
        connections: 16,
        seconds: Number(secs),
        body: kind === "pods" ? bodies.POD : bodies.CONFIG_MAP,
        headers: { authorization: `Bearer ${TOKEN}` },
      },
      knots,
    );
    console.log(
      kind,
      m.requestsPerSecond.toFixed(0),
      "/s;",
      m.requestsPerCpuSecond.toFixed(0),
      "per CPU s; p99",
      m.p99,
      "errors",
      m.errors,
      "RSS",
      knots.resident().toFixed(0),
    );
  }
}
process.exit();
