import type { Device } from "@knots/api/resource/v1";
import { describe, expect, it } from "vitest";
import { DRIVER, allocated, cel, claim, node, request, run, show, slice } from "./allocator.testing.ts";
import type { Situation } from "./allocator.testing.ts";

const plain = (...names: string[]): Device[] => names.map((name) => ({ name }));
const withModel = (name: string, model: string, more: Partial<Device> = {}): Device => ({
  name,
  attributes: { model: { string: model } },
  ...more,
});
const models = [withModel("a", "small"), withModel("b", "big"), withModel("c", "small"), withModel("d", "big")];
const model = (value: string): string => `device.attributes["${DRIVER}"].model == "${value}"`;
const one = claim([request("r")]);

function table(cases: Readonly<Record<string, Situation & { readonly is: string }>>): void {
  it.each(Object.entries(cases))("%s", (_name, { is, ...situation }) => {
    expect(show(situation)).toBe(is);
  });
}

describe("requests", () => {
  table({
    "takes the first device": { slices: [slice(plain("a", "b"))], claims: [one], is: "r=a" },
    "nothing is there": { slices: [], claims: [one], is: "none" },
    "a claim of nothing": { slices: [], claims: [claim([])], is: "" },
    "skips what others have": { slices: [slice(plain("a", "b"))], claims: [one], taken: [allocated("a")], is: "r=b" },
    "all is taken": { slices: [slice(plain("a"))], claims: [one], taken: [allocated("a")], is: "none" },
    "administrators' access takes nothing": {
      slices: [slice(plain("a"))],
      claims: [one],
      taken: [allocated("a", { adminAccess: true })],
      is: "r=a",
    },
    "several of them": {
      slices: [slice(plain("a", "b", "c"))],
      claims: [claim([request("r", { count: 2 })])],
      is: "r=a r=b",
    },
    "more than there are": {
      slices: [slice(plain("a", "b"))],
      claims: [claim([request("r", { count: 3 })])],
      is: "none",
    },
    "two requests": { slices: [slice(plain("a", "b"))], claims: [claim([request("x"), request("y")])], is: "x=a y=b" },
    "two claims": { slices: [slice(plain("a", "b"))], claims: [one, one], is: "r=a | r=b" },
    "two claims and one device": { slices: [slice(plain("a"))], claims: [one, one], is: "none" },
    "tries other devices for the first request": {
      slices: [slice(models)],
      claims: [claim([request("any"), request("small", { count: 2, selectors: [cel(model("small"))] })])],
      is: "any=b small=a small=c",
    },
    "all devices": {
      slices: [slice(models)],
      claims: [claim([request("r", { allocationMode: "All", selectors: [cel(model("big"))] })])],
      is: "r=b r=d",
    },
    "all devices, one of them taken": {
      slices: [slice(plain("a", "b"))],
      claims: [claim([request("r", { allocationMode: "All" })])],
      taken: [allocated("b")],
      is: "none",
    },
    "all of no devices": { slices: [], claims: [claim([request("r", { allocationMode: "All" })])], is: "none" },
    "more than a claim holds": {
      slices: [slice(plain("a"))],
      claims: [claim([request("r", { count: 33 })])],
      is: "error: claim ns/claim: number of requested devices 33 exceeds the claim limit of 32",
    },
    "an administrator's request shares": {
      slices: [slice(plain("a"))],
      claims: [claim([request("r", { adminAccess: true })])],
      taken: [allocated("a")],
      is: "r=a",
    },
    "but not twice in one claim": {
      slices: [slice(plain("a"))],
      claims: [claim([request("r", { adminAccess: true, count: 2 })])],
      is: "none",
    },
    "a mode that is not known": {
      slices: [slice(plain("a"))],
      claims: [claim([request("r", { allocationMode: "Some" })])],
      is: "error: claim ns/claim, request r: unsupported count mode Some",
    },
    "a class that is not there": {
      slices: [slice(plain("a"))],
      claims: [claim([request("r", { deviceClassName: "tpu" })])],
      is: "error: claim ns/claim, request r: could not retrieve device class tpu: not found",
    },
  });
});

describe("firstAvailable", () => {
  const alternatives = (first: string, second: string) =>
    claim([
      {
        name: "r",
        firstAvailable: [
          { name: "x", deviceClassName: "gpu", selectors: [cel(model(first))] },
          { name: "y", deviceClassName: "gpu", selectors: [cel(model(second))] },
        ],
      },
    ]);
  table({
    "takes the first that can be had": { slices: [slice(models)], claims: [alternatives("big", "small")], is: "r/x=b" },
    "takes the next": { slices: [slice(models)], claims: [alternatives("huge", "small")], is: "r/y=a" },
    "none of them": { slices: [slice(models)], claims: [alternatives("huge", "tiny")], is: "none" },
    "the next where the first leaves too little for others": {
      slices: [slice([withModel("a", "big"), withModel("b", "small")])],
      claims: [
        claim([
          ...(alternatives("big", "small").spec.devices.requests ?? []),
          request("z", { selectors: [cel(model("big"))] }),
        ]),
      ],
      is: "r/y=b z=a",
    },
  });
});

describe("selectors", () => {
  const memory: Device = {
    name: "m",
    capacity: { memory: { value: "40Gi" } },
    attributes: { "other.test/n": { int: 7 } },
  };
  const selecting = (...expressions: string[]) => claim([request("r", { selectors: expressions.map(cel) })]);
  table({
    "of the request": { slices: [slice(models)], claims: [selecting(model("big"))], is: "r=b" },
    "of the class": {
      slices: [slice(models)],
      claims: [one],
      classes: { gpu: { selectors: [cel(model("big"))] } },
      is: "r=b",
    },
    "of both": {
      slices: [slice(models)],
      claims: [selecting(`device.driver == "${DRIVER}"`)],
      classes: { gpu: { selectors: [cel(model("big"))] } },
      is: "r=b",
    },
    "by capacity": {
      slices: [slice([memory])],
      claims: [selecting(`device.capacity["${DRIVER}"].memory.compareTo(quantity("32Gi")) >= 0`)],
      is: "r=m",
    },
    "by another domain": {
      slices: [slice([memory])],
      claims: [selecting(`device.attributes["other.test"].n == 7`)],
      is: "r=m",
    },
    "by version": {
      slices: [slice([{ name: "v", attributes: { v: { version: "1.10.0" } } }])],
      claims: [selecting(`device.attributes["${DRIVER}"].v.isGreaterThan(semver("1.9.0"))`)],
      is: "r=v",
    },
    "with a name for a part": {
      slices: [slice(models)],
      claims: [selecting(`cel.bind(gpu, device.attributes["${DRIVER}"], gpu.model == "big")`)],
      is: "r=b",
    },
    "of a domain that the device does not have": {
      slices: [slice([memory])],
      claims: [selecting(`"x" in device.attributes["no.test"] || "no.test" in device.attributes`)],
      is: "none",
    },
    "of an attribute that is not there": {
      slices: [slice([memory])],
      claims: [selecting(`device.attributes["${DRIVER}"].missing == 1`)],
      is: "error: claim ns/claim: selector #0: CEL runtime error: no such key: missing",
    },
    "of a class, that do not compile": {
      slices: [slice([memory])],
      claims: [one],
      classes: { gpu: { selectors: [cel("true"), cel("device.nonsense")] } },
      is: "error: class gpu: selector #1: CEL compile error: compilation failed: ERROR: <input>:1:7: undefined field 'nonsense'\n | device.nonsense\n | ......^",
    },
    "that are no conditions": {
      slices: [slice([memory])],
      claims: [selecting(`"text"`)],
      is: "error: claim ns/claim: selector #0: CEL compile error: must evaluate to bool or the unknown type, not string",
    },
    "that cost too much": {
      slices: [slice([memory])],
      claims: [
        selecting(
          "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, true))))))",
        ),
      ],
      is: "error: claim ns/claim: selector #0: CEL runtime error: operation cancelled: actual cost limit exceeded",
    },
  });
});

describe("constraints", () => {
  const attribute = `${DRIVER}/model`;
  const two = [request("x"), request("y")];
  table({
    "the same value": {
      slices: [slice(models)],
      claims: [claim(two, { constraints: [{ matchAttribute: attribute }] })],
      is: "x=a y=c",
    },
    "the same value, for lack of the first": {
      slices: [slice(models)],
      claims: [claim(two, { constraints: [{ matchAttribute: attribute }] })],
      taken: [allocated("c")],
      is: "x=b y=d",
    },
    "different values": {
      slices: [slice(models)],
      claims: [claim(two, { constraints: [{ distinctAttribute: attribute }] })],
      is: "x=a y=b",
    },
    "different values, too few": {
      slices: [slice(models)],
      claims: [claim([request("r", { count: 3 })], { constraints: [{ distinctAttribute: attribute }] })],
      is: "none",
    },
    "an attribute that some lack": {
      slices: [slice([...plain("z"), ...models])],
      claims: [claim([request("r")], { constraints: [{ matchAttribute: attribute }] })],
      is: "r=a",
    },
    "of types that differ": {
      slices: [
        slice([
          { name: "a", attributes: { v: { string: "1" } } },
          { name: "b", attributes: { v: { int: 1 } } },
        ]),
      ],
      claims: [claim(two, { constraints: [{ matchAttribute: `${DRIVER}/v` }] })],
      is: "none",
    },
    "of some requests": {
      slices: [slice(models)],
      claims: [
        claim([request("x"), request("y"), request("z")], {
          constraints: [{ requests: ["x", "z"], matchAttribute: attribute }],
        }),
      ],
      is: "x=a y=b z=c",
    },
    "that all devices break": {
      slices: [slice(models)],
      claims: [claim([request("r", { allocationMode: "All" })], { constraints: [{ matchAttribute: attribute }] })],
      is: `error: claim ns/claim, request r: cannot add device ${DRIVER}/pool/b because a claim constraint would not be satisfied`,
    },
    "of an unknown kind": {
      slices: [slice(models)],
      claims: [claim(two, { constraints: [{}] })],
      is: "error: claim ns/claim, constraint #0: empty constraint (unsupported constraint type?)",
    },
  });
});

describe("taints", () => {
  const tainted = (effect: string): Device => ({ name: "a", taints: [{ key: "k", value: "v", effect }] });
  const tolerating = (effect?: string) =>
    claim([
      request("r", { tolerations: [{ key: "k", operator: "Exists", ...(effect === undefined ? {} : { effect }) }] }),
    ]);
  table({
    "keep requests away": { slices: [slice([tainted("NoSchedule")])], claims: [one], is: "none" },
    "that evict keep away, too": { slices: [slice([tainted("NoExecute")])], claims: [one], is: "none" },
    "that only inform do not": { slices: [slice([tainted("None")])], claims: [one], is: "r=a" },
    "are tolerated": { slices: [slice([tainted("NoSchedule")])], claims: [tolerating()], is: "r=a" },
    "are not tolerated by another effect's": {
      slices: [slice([tainted("NoSchedule")])],
      claims: [tolerating("NoExecute")],
      is: "none",
    },
    "keep all from having all": {
      slices: [slice([...plain("x"), tainted("NoSchedule")])],
      claims: [claim([request("r", { allocationMode: "All" })])],
      is: "none",
    },
  });
});

describe("nodes", () => {
  const zone = (value: string) => ({
    nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator: "In", values: [value] }] }],
  });
  const perDevice = slice(
    [
      { name: "a", nodeName: "m" },
      { name: "b", nodeSelector: zone("z1") },
      { name: "c", allNodes: true },
    ],
    { perDeviceNodeSelection: true },
  );
  table({
    "another's devices": { slices: [slice(plain("a"))], claims: [one], on: node("m"), is: "none" },
    "devices of all": { slices: [slice(plain("a"), { allNodes: true })], claims: [one], on: node("m"), is: "r=a" },
    "devices of selected ones": {
      slices: [slice(plain("a"), { nodeSelector: zone("z1") })],
      claims: [one],
      on: node("n", { zone: "z1" }),
      is: "r=a",
    },
    "devices of others": {
      slices: [slice(plain("a"), { nodeSelector: zone("z1") })],
      claims: [one],
      on: node("n", { zone: "z2" }),
      is: "none",
    },
    "device by device: name": { slices: [perDevice], claims: [one], on: node("m"), is: "r=a" },
    "device by device: selector": { slices: [perDevice], claims: [one], on: node("n", { zone: "z1" }), is: "r=b" },
    "device by device: all": { slices: [perDevice], claims: [one], on: node("n"), is: "r=c" },
  });

  it.each([
    ["a node's own", slice(plain("a")), node("n"), "n"],
    ["selected", slice(plain("a"), { nodeSelector: zone("z1") }), node("n", { zone: "z1" }), zone("z1")],
    ["everybody's", slice(plain("a"), { allNodes: true }), node("n"), undefined],
    ["one that binds", slice([{ name: "a", bindsToNode: true }], { allNodes: true }), node("n"), "n"],
  ])("the allocation says from where %s can be used", (_name, of, on, expected) => {
    const selector = run({ slices: [of], claims: [one], on })?.[0]?.nodeSelector;
    expect(selector).toEqual(
      typeof expected === "string"
        ? { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [expected] }] }] }
        : expected,
    );
  });
});

describe("pools", () => {
  const pool = (generation: number, resourceSliceCount: number) => ({ name: "pool", generation, resourceSliceCount });
  const all = claim([request("r", { allocationMode: "All" })]);
  table({
    "of two slices": {
      slices: [slice(plain("b"), { pool: pool(1, 2) }, "s2"), slice(plain("a"), { pool: pool(1, 2) }, "s1")],
      claims: [all],
      is: "r=a r=b",
    },
    "of an older generation are gone": {
      slices: [slice(plain("new"), { pool: pool(2, 1) }, "s2"), slice(plain("old"), { pool: pool(1, 1) }, "s1")],
      claims: [all],
      is: "r=new",
    },
    "that are incomplete do for some devices": {
      slices: [slice(plain("a"), { pool: pool(1, 2) })],
      claims: [one],
      is: "r=a",
    },
    "that are incomplete do not for all": {
      slices: [slice(plain("a"), { pool: pool(1, 2) })],
      claims: [all],
      is: `error: claim ns/claim, request r: asks for all devices, but resource pool ${DRIVER}/pool is currently being updated`,
    },
    "that name a device twice": {
      slices: [slice(plain("a", "a"))],
      claims: [one],
      is: `error: pool ${DRIVER}/pool is invalid: duplicate device name a`,
    },
  });
});

describe("configuration", () => {
  const parameters = (value: string) => ({ opaque: { driver: DRIVER, parameters: { value } } });
  it("is the class's, then the claim's for the requests that were chosen", () => {
    const first = { name: "x", deviceClassName: "none" };
    const asked = claim(
      [
        {
          name: "r",
          firstAvailable: [
            { ...first, selectors: [cel("false")] },
            { name: "y", deviceClassName: "gpu" },
          ],
        },
      ],
      {
        config: [
          parameters("everybody"),
          { requests: ["r/x"], ...parameters("of x") },
          { requests: ["r/y"], ...parameters("of y") },
          { requests: ["r"], ...parameters("of r") },
          { requests: ["other"], ...parameters("of another") },
        ],
      },
    );
    const classes = { gpu: { config: [parameters("gpu")] }, none: { config: [parameters("none")] } };
    const config = run({ slices: [slice(plain("a"))], claims: [asked], classes })?.[0]?.devices?.config;
    expect(config).toEqual([
      { source: "FromClass", ...parameters("gpu") },
      { source: "FromClaim", ...parameters("everybody") },
      { source: "FromClaim", requests: ["r/y"], ...parameters("of y") },
      { source: "FromClaim", requests: ["r"], ...parameters("of r") },
    ]);
  });

  it("tolerations and administrators' access are written down with the device", () => {
    const tolerations = [{ key: "k", operator: "Exists" }];
    const asked = claim([request("r", { adminAccess: true, tolerations })]);
    expect(run({ slices: [slice(plain("a"))], claims: [asked] })?.[0]?.devices?.results).toEqual([
      { request: "r", driver: DRIVER, pool: "pool", device: "a", adminAccess: true, tolerations },
    ]);
  });
});
