import { expect, test } from "vitest";
import { flagz, statusz } from "./z-pages.ts";

const started = new Date("2026-07-03T06:14:02Z");
const later = started.getTime() + (3 * 3600 + 22 * 60 + 5) * 1000;
const page = statusz(
  started,
  () => later,
  () => ["/api/v1", "/apis", "/healthz/ping", "/healthz", "/version", "/"],
);

test("/statusz tells when the server was started, what it is, and where to look further", () => {
  expect(page.text(":")).toMatch(
    /^\nStarted: Fri Jul {2}3 06:14:02 UTC 2026\nUp: 3 hr 22 min 05 sec\nGo version: node\S+\nBinary version: 1\.36\.\S+\nEmulation version: 1\.36\nPaths: \/healthz \/version\n$/,
  );
  expect(page.fields()).toMatchObject({
    startTime: "2026-07-03T06:14:02Z",
    uptimeSeconds: 12125,
    emulationVersion: "1.36",
    paths: ["/healthz", "/version"],
  });
});

test("/flagz tells flags by name", () => {
  const flags = flagz({ v: "2", "bind-address": "0.0.0.0" });
  expect(flags.text("=")).toBe("bind-address=0.0.0.0\nv=2\n");
  expect(flags.fields()).toEqual({ flags: { "bind-address": "0.0.0.0", v: "2" } });
});
