import { describe, expect, it } from "vitest";
import { readExtenders } from "./extender-config.ts";
import type { ExtenderEntry } from "./extender-config.ts";

const urlPrefix = "http://127.0.0.1:8888/";

describe("readExtenders", () => {
  it("has upstream's defaults", () => {
    expect(readExtenders([{ urlPrefix, filterVerb: "filter" }]).extenders).toEqual([
      {
        urlPrefix,
        filterVerb: "filter",
        weight: 0,
        httpTimeoutMs: 5000,
        nodeCacheCapable: false,
        ignorable: false,
        managedResources: [],
      },
    ]);
  });

  it("reads the verbs", () => {
    const verbs = { filterVerb: "f", preemptVerb: "e", prioritizeVerb: "p", bindVerb: "b" };
    expect(readExtenders([{ urlPrefix, weight: 1, ...verbs }]).extenders[0]).toMatchObject(verbs);
  });

  it("reads timeout, https, resources and inline certificates", () => {
    const entry: ExtenderEntry = {
      urlPrefix,
      enableHTTPS: true,
      httpTimeout: "100ms",
      managedResources: [{ name: "example.com/a", ignoredByScheduler: true }, { name: "example.com/b" }],
      tlsConfig: { insecure: true, caData: Buffer.from("PEM").toString("base64") },
    };
    const { extenders, ignoredResources } = readExtenders([entry]);
    expect(extenders[0]).toMatchObject({
      urlPrefix: "https://127.0.0.1:8888/",
      httpTimeoutMs: 100,
      managedResources: ["example.com/a", "example.com/b"],
      tls: { insecure: true, caData: "PEM" },
    });
    expect(ignoredResources).toEqual(["example.com/a"]);
  });

  it.each<[string, ExtenderEntry[], string]>([
    ["no URL", [{}], "extenders[0].urlPrefix: must be a URL"],
    ["no weight", [{ urlPrefix, prioritizeVerb: "p" }], "extenders[0].weight: must have a positive weight"],
    [
      "two binders",
      [
        { urlPrefix, bindVerb: "b" },
        { urlPrefix, bindVerb: "b" },
      ],
      "only one extender can implement bind",
    ],
    [
      "a resource twice",
      [{ urlPrefix, managedResources: [{ name: "a.test/b" }, { name: "a.test/b" }] }],
      "duplicate extender managed resource name a.test/b",
    ],
  ])("refuses %s", (_name, entries, message) => {
    expect(() => readExtenders(entries)).toThrow(message);
  });
});
