// Field numbers here are those of gnostic's openapi.v3, read off its .proto file by hand: the test does not use the encoder's table.
import { describe, expect, it } from "vitest";
import { openapiV3, openapiV3Index, openapiV3Protobuf } from "../openapi.ts";
import { at, texts } from "./fields.testing.ts";
import { encodeOpenapiV3 } from "./openapi-v3.ts";

const encode = (part: object): Uint8Array => encodeOpenapiV3({ openapi: "3.0.0", ...part });
/** The one schema of a document with just this. */
const schemaOf = (schema: object): Uint8Array =>
  at(encode({ components: { schemas: { a: schema } } }), 5, 1, 1, 2, 1)[0] as Uint8Array;

describe("the protobuf form of OpenAPI v3", () => {
  it("names schemas, their properties and what they refer to", () => {
    const schema = schemaOf({
      type: "object",
      description: "A thing.",
      required: ["name", "size"],
      properties: { name: { type: "string" }, size: { $ref: "#/components/schemas/b" } },
      items: { type: "string" },
      allOf: [{ $ref: "#/components/schemas/c" }],
    });
    expect(texts(at(schema, 25))).toEqual(["object"]);
    expect(texts(at(schema, 34))).toEqual(["A thing."]);
    expect(texts(at(schema, 23))).toEqual(["name", "size"]);
    expect(texts(at(schema, 31, 1, 1))).toEqual(["name", "size"]);
    expect(texts(at(schema, 31, 1, 2, 1, 25))).toEqual(["string"]);
    expect(texts(at(schema, 31, 1, 2, 2, 1))).toEqual(["#/components/schemas/b"]);
    expect(texts(at(schema, 30, 1, 1, 25))).toEqual(["string"]);
    expect(texts(at(schema, 26, 2, 1))).toEqual(["#/components/schemas/c"]);
  });

  it.each([
    ["x", 3, "x"],
    [1.5, 1, 1.5],
    [0, 1, 0],
    [true, 2, 1],
    [false, 2, 0],
  ])("has defaults that are simple: %s", (value, field, found) => {
    const [kept] = at(schemaOf({ default: value }), 33, field);
    expect(kept instanceof Uint8Array ? Buffer.from(kept).toString() : kept).toBe(found);
  });

  it("says of other defaults that they are there", () => {
    expect(at(schemaOf({ default: {} }), 33)).toEqual([new Uint8Array()]);
  });

  it("keeps extensions and values to choose from as YAML, and tells maps from what may not be there", () => {
    const schema = schemaOf({ "x-kubernetes-list-type": "atomic", enum: ["x", 2], additionalProperties: false });
    expect(texts(at(schema, 36, 1))).toEqual(["x-kubernetes-list-type"]);
    expect(texts(at(schema, 36, 2, 2))).toEqual(['"atomic"\n']);
    expect(texts(at(schema, 24, 2))).toEqual(['"x"\n', "2\n"]);
    expect(at(schema, 32, 2)).toEqual([0]);
    expect(texts(at(schemaOf({ additionalProperties: { type: "string" } }), 32, 1, 1, 25))).toEqual(["string"]);
  });

  it("tells operations: parameters, bodies, answers, security", () => {
    const content = { "application/json": { schema: { $ref: "#/components/schemas/a" } } };
    const document = encode({
      paths: {
        "/x": {
          parameters: [{ in: "query", name: "limit", schema: { type: "integer", uniqueItems: true } }],
          put: {
            operationId: "replace",
            requestBody: { content, required: true },
            responses: { 200: { description: "OK", content }, default: { $ref: "#/components/responses/r" } },
            "x-kubernetes-action": "put",
          },
        },
      },
      components: { securitySchemes: { BearerToken: { type: "apiKey", name: "authorization", in: "header" } } },
      security: [{ BearerToken: ["a"] }],
    });
    expect(texts(at(document, 1))).toEqual(["3.0.0"]);
    expect(texts(at(document, 4, 1, 1))).toEqual(["/x"]);
    const item = at(document, 4, 1, 2)[0] as Uint8Array;
    expect(texts(at(item, 13, 1, 1))).toEqual(["limit"]);
    expect(texts(at(item, 13, 1, 10, 1, 25))).toEqual(["integer"]);
    const put = at(item, 5)[0] as Uint8Array;
    expect(texts(at(put, 5))).toEqual(["replace"]);
    expect(at(put, 7, 1, 3)).toEqual([1]);
    expect(texts(at(put, 7, 1, 2, 1, 1))).toEqual(["application/json"]);
    expect(texts(at(put, 7, 1, 2, 1, 2, 1, 2, 1))).toEqual(["#/components/schemas/a"]);
    expect(texts(at(put, 8, 2, 1))).toEqual(["200"]);
    expect(texts(at(put, 8, 2, 2, 1, 1))).toEqual(["OK"]);
    expect(texts(at(put, 8, 1, 2, 1))).toEqual(["#/components/responses/r"]);
    expect(texts(at(put, 13, 1))).toEqual(["x-kubernetes-action"]);
    expect(texts(at(document, 5, 7, 1, 2, 1, 3))).toEqual(["authorization"]);
    expect(texts(at(document, 6, 1, 2, 1))).toEqual(["a"]);
  });

  it("has every schema and path of the built-in documents", () => {
    for (const name of Object.keys(openapiV3Index().paths)) {
      const document = openapiV3(name) as { components: { schemas: object }; paths: object };
      const bytes = openapiV3Protobuf(name);
      if (bytes === undefined) throw new Error(`${name} was not generated`);
      expect(texts(at(bytes, 5, 1, 1, 1)), name).toEqual(Object.keys(document.components.schemas));
      expect(texts(at(bytes, 4, 1, 1)), name).toEqual(Object.keys(document.paths));
    }
  });
});
