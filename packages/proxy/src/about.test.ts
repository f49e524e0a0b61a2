import { expect, test } from "vitest";
import { metricsAnswer, serveAbout } from "./about.ts";

const status = { healthy: true, nodeEligible: true, lastUpdated: 0, now: 1000 };

test("the mode and the health are told where the metrics are, the metrics where there are some", async () => {
  expect(await metricsAnswer("/proxyMode", status, undefined)).toMatchObject({ code: 200, body: "nftables" });
  expect(await metricsAnswer("/healthz", status, undefined)).toMatchObject({ code: 200 });
  expect(await metricsAnswer("/metrics", status, undefined)).toBeUndefined();
});

test("an address that is taken is told, and nothing is left listening", async () => {
  const options = { healthzBindAddress: "127.0.0.1:0", metricsBindAddress: "" };
  await using _first = await serveAbout({ status }, options);
  await expect(serveAbout({ status }, { ...options, metricsBindAddress: "127.0.0.1:99999" })).rejects.toThrow(
    "is no address",
  );
});
