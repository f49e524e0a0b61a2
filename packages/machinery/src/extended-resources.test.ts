import { expect, test } from "vitest";
import { DeviceClassResources, isDeviceResourceName, isExtendedResourceName } from "./extended-resources.ts";

test.each<[string, boolean, boolean]>([
  ["example.com/gpu", true, true],
  ["cpu", false, false],
  ["hugepages-2Mi", false, false],
  ["kubernetes.io/batch", false, false],
  ["storage.kubernetes.io/x", false, false],
  ["requests.example.com/gpu", false, false],
  ["deviceclass.resource.kubernetes.io/gpu", false, true],
  ["example.com/", false, false],
])("%s", (name, extended, device) => {
  expect([isExtendedResourceName(name), isDeviceResourceName(name)]).toEqual([extended, device]);
});

const deviceClass = (name: string, extendedResourceName?: string, creationTimestamp = "2026-01-01T00:00:00Z") => ({
  metadata: { name, creationTimestamp },
  spec: extendedResourceName === undefined ? {} : { extendedResourceName },
});
const IMPLICIT = "deviceclass.resource.kubernetes.io/";

test("a class gives the resource that it names, and the one that is named after it", () => {
  const resources = new DeviceClassResources([deviceClass("a", "example.com/gpu"), deviceClass("b")]);
  expect(resources.classOf("example.com/gpu")?.metadata.name).toBe("a");
  expect(resources.classOf(`${IMPLICIT}a`)?.metadata.name).toBe("a");
  expect(resources.classOf(`${IMPLICIT}b`)?.metadata.name).toBe("b");
  expect([resources.classOf("example.com/tpu"), resources.classOf("a")]).toEqual([undefined, undefined]);
  expect([resources.resourceOf("a"), resources.resourceOf("b")]).toEqual(["example.com/gpu", undefined]);
});

test.each<[string, ReturnType<typeof deviceClass>[], string]>([
  ["the newer", [deviceClass("a", "x.io/d"), deviceClass("b", "x.io/d", "2026-01-02T00:00:00Z")], "b"],
  ["the newer that comes first", [deviceClass("a", "x.io/d", "2026-01-02T00:00:00Z"), deviceClass("b", "x.io/d")], "a"],
  ["of the same age the first by name", [deviceClass("b", "x.io/d"), deviceClass("a", "x.io/d")], "a"],
])("of classes with one resource: %s", (_what, classes, want) => {
  const resources = new DeviceClassResources(classes);
  expect(resources.classOf("x.io/d")?.metadata.name).toBe(want);
  // What is named after them is theirs in any case.
  for (const { metadata } of classes)
    expect(resources.classOf(`${IMPLICIT}${metadata.name}`)?.metadata.name).toBe(metadata.name);
});
