// Field numbers here are those of gnostic's openapi.v2, read off its .proto file by hand: the test does not use the encoder's table.
import { describe, expect, it } from "vitest";
import { openapiV2 } from "../openapi.ts";
import { at, texts } from "./fields.testing.ts";
import { encodeOpenapiV2 } from "./openapi.ts";

const encode = (part: object): Uint8Array => encodeOpenapiV2({ swagger: "2.0", ...part });
/** The one definition of a document with just this. */
const definition = (schema: object): Uint8Array => at(encode({ definitions: { a: schema } }), 9, 1, 2)[0] as Uint8Array;

describe("the protobuf form of OpenAPI v2", () => {
  it("names definitions, their properties and what they need", () => {
    const schema = definition({
      type: "object",
      description: "A thing.",
      required: ["name", "size"],
      properties: { name: { type: "string" }, size: { $ref: "#/definitions/b" } },
    });
    expect(texts(at(schema, 22, 1))).toEqual(["object"]);
    expect(texts(at(schema, 4))).toEqual(["A thing."]);
    expect(texts(at(schema, 19))).toEqual(["name", "size"]);
    expect(texts(at(schema, 25, 1, 1))).toEqual(["name", "size"]);
    expect(texts(at(schema, 25, 1, 2, 22, 1))).toEqual(["string"]);
    expect(texts(at(schema, 25, 1, 2, 1))).toEqual(["#/definitions/b"]);
  });

  it("keeps extensions, defaults and values to choose from as YAML", () => {
    const gvk = [{ group: "apps", version: "v1", kind: "Deployment" }];
    const schema = definition({ "x-kubernetes-group-version-kind": gvk, default: { a: 1 }, enum: ["x", 2] });
    expect(texts(at(schema, 31, 1))).toEqual(["x-kubernetes-group-version-kind"]);
    expect(texts(at(schema, 31, 2, 2))).toEqual([`${JSON.stringify(gvk)}\n`]);
    expect(texts(at(schema, 5, 2))).toEqual(['{"a":1}\n']);
    expect(texts(at(schema, 20, 2))).toEqual(['"x"\n', "2\n"]);
  });

  it("writes limits in the types that they have", () => {
    const schema = definition({ maximum: 1.5, minimum: 0, maxLength: 300, minItems: 0, uniqueItems: true });
    expect(at(schema, 7)).toEqual([1.5]);
    expect(at(schema, 9)).toEqual([0]);
    expect(at(schema, 11)).toEqual([300]);
    expect(at(schema, 15)).toEqual([0]);
    expect(at(schema, 16)).toEqual([1]);
  });

  it("tells lists, maps and what may not be there", () => {
    expect(texts(at(definition({ items: { type: "string" } }), 23, 1, 22, 1))).toEqual(["string"]);
    expect(texts(at(definition({ additionalProperties: { type: "string" } }), 21, 1, 22, 1))).toEqual(["string"]);
    expect(at(definition({ additionalProperties: false }), 21, 2)).toEqual([0]);
  });

  it("tells parameters of each place apart", () => {
    const parameters = [
      { in: "body", name: "body", required: true, schema: { $ref: "#/definitions/a" } },
      { in: "query", name: "limit", type: "integer", uniqueItems: true },
      { in: "path", name: "name", type: "string", required: true, uniqueItems: true },
      { $ref: "#/parameters/p" },
    ];
    const path = at(encode({ paths: { "/x": { parameters } } }), 8, 2, 2)[0] as Uint8Array;
    expect(texts(at(path, 9, 1, 1, 2))).toEqual(["body"]);
    expect(texts(at(path, 9, 1, 1, 5, 1))).toEqual(["#/definitions/a"]);
    expect(texts(at(path, 9, 1, 2, 3, 4))).toEqual(["limit"]);
    expect(texts(at(path, 9, 1, 2, 3, 6))).toEqual(["integer"]);
    expect(at(path, 9, 1, 2, 3, 20)).toEqual([1]);
    expect(texts(at(path, 9, 1, 2, 4, 4))).toEqual(["name"]);
    expect(texts(at(path, 9, 1, 2, 4, 5))).toEqual(["string"]);
    expect(at(path, 9, 1, 2, 4, 19)).toEqual([1]);
    expect(texts(at(path, 9, 2, 1))).toEqual(["#/parameters/p"]);
  });

  it("tells operations, answers and security", () => {
    const get = {
      operationId: "read",
      produces: ["application/json"],
      responses: {
        200: { description: "OK", schema: { $ref: "#/definitions/a" } },
        401: { description: "Unauthorized" },
      },
      "x-kubernetes-action": "get",
    };
    const document = encode({
      paths: { "/x": { get } },
      security: [{ BearerToken: [] }],
      securityDefinitions: { BearerToken: { type: "apiKey", name: "authorization", in: "header" } },
    });
    expect(texts(at(document, 1))).toEqual(["2.0"]);
    expect(texts(at(document, 8, 2, 1))).toEqual(["/x"]);
    const operation = at(document, 8, 2, 2, 2)[0] as Uint8Array;
    expect(texts(at(operation, 5))).toEqual(["read"]);
    expect(texts(at(operation, 13, 1))).toEqual(["x-kubernetes-action"]);
    expect(texts(at(operation, 9, 1, 1))).toEqual(["200", "401"]);
    expect(texts(at(operation, 9, 1, 2, 1, 1))).toEqual(["OK", "Unauthorized"]);
    expect(texts(at(operation, 9, 1, 2, 1, 2, 1, 1))).toEqual(["#/definitions/a"]);
    expect(texts(at(document, 12, 1, 1))).toEqual(["BearerToken"]);
    expect(texts(at(document, 13, 1, 2, 2, 2))).toEqual(["authorization"]);
  });

  it("has every definition and path of the built-in document", () => {
    const document = openapiV2() as { definitions: object; paths: object };
    const bytes = encodeOpenapiV2(document as unknown as Record<string, unknown>);
    expect(texts(at(bytes, 9, 1, 1))).toEqual(Object.keys(document.definitions));
    expect(texts(at(bytes, 8, 2, 1))).toEqual(Object.keys(document.paths));
  });
});
