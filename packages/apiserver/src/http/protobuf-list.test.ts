import { decodeProtobuf, encodeProtobuf } from "@knots/api";
import { describe, expect, it } from "vitest";
import { protobufListParts } from "./protobuf-list.ts";

describe("protobufListParts", () => {
  it("makes the same list as encoding it whole", () => {
    const items = Array.from({ length: 40 }, (_unused, i) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `m${i}` },
      data: { x: "y".repeat(i * 40) },
    }));
    const head = { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "7", continue: "abc" } };
    const bytes = Buffer.concat(
      protobufListParts(
        head,
        items.map((item) => encodeProtobuf(item)),
      ),
    );
    const list = decodeProtobuf(bytes) as { metadata: object; items: { metadata: { name: string }; data?: object }[] };
    expect(list.metadata).toMatchObject(head.metadata);
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(items.map(({ metadata }) => metadata.name));
    expect(list.items[39]?.data).toEqual(items[39]?.data);
  });

  it("makes an empty list", () => {
    const bytes = Buffer.concat(
      protobufListParts({ kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "1" } }, []),
    );
    expect(decodeProtobuf(bytes)).toMatchObject({ kind: "PodList", metadata: { resourceVersion: "1" } });
  });
});
