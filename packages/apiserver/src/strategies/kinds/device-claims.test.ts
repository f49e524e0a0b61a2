import { formatFieldError } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { ObjectSource } from "../../registry/object-source.ts";
import { context, created, infoOf } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";
import { strategyFor } from "../index.ts";

const labelled = (labels: Record<string, string>): ObjectSource =>
  ({ get: () => ({ metadata: { name: "default", labels } }) }) as unknown as ObjectSource;
const ctx = context({ objects: labelled({}) });
const CLAIMS = infoOf("resourceclaims", "resource.k8s.io");
const TEMPLATES = infoOf("resourceclaimtemplates", "resource.k8s.io");
const CLASSES = infoOf("deviceclasses", "resource.k8s.io");

const request = (more: object = {}): Loose => ({ name: "one", exactly: { deviceClassName: "gpu", ...more } });
const claim = (devices: object): Loose => ({ metadata: { name: "c", namespace: "default" }, spec: { devices } });
const errorsOf = (info: typeof CLAIMS, body: object, with_ = ctx): string[] =>
  (strategyFor(info).validate?.(created(info, body) as KubeObject, with_) ?? []).map(formatFieldError);
const claimErrors = (devices: object): string[] => errorsOf(CLAIMS, claim(devices));
const cel = (expression: string): object => ({ selectors: [{ cel: { expression } }] });
const repeat = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

describe("claims of devices", () => {
  it.each<[string, object]>([
    ["nothing", {}],
    ["a device of a class", { requests: [request()] }],
    ["all devices that a selector finds", { requests: [request({ allocationMode: "All", ...cel("true") })] }],
    [
      "the first that is available, and constraints that name it",
      {
        requests: [
          {
            name: "any",
            firstAvailable: [
              { name: "big", deviceClassName: "a" },
              { name: "small", deviceClassName: "b", count: 2 },
            ],
          },
        ],
        constraints: [
          { requests: ["any/big"], matchAttribute: "example.com/numa" },
          { distinctAttribute: "example.com/id" },
        ],
        config: [{ requests: ["any"], opaque: { driver: "example.com", parameters: { a: 1 } } }],
      },
    ],
    [
      "selectors of all that a device says",
      {
        requests: [
          request(
            cel(
              'device.driver == "x" && device.attributes["x"].cores > 4 && device.capacity["x"].memory.compareTo(quantity("1Gi")) >= 0 && !device.allowMultipleAllocations && cel.bind(d, device.attributes["x"], d.version.isGreaterThan(semver("1.0.0")))',
            ),
          ),
        ],
      },
    ],
    [
      "tolerations",
      {
        requests: [
          request({
            tolerations: [
              { key: "a", operator: "Exists" },
              { key: "b", value: "c", effect: "NoExecute" },
            ],
          }),
        ],
      },
    ],
  ])("may ask for %s", (_what, devices) => {
    expect(claimErrors(devices)).toEqual([]);
  });

  it.each<[object, string | RegExp]>([
    [
      { requests: repeat(33, (i) => ({ ...request(), name: `r${i}` })) },
      "spec.devices.requests: Too many: 33: must have at most 32 items",
    ],
    [{ requests: [request(), request()] }, 'spec.devices.requests[1]: Duplicate value: "one"'],
    [
      { requests: [{ ...request(), name: "A" }] },
      /^spec\.devices\.requests\[0\]\.name: Invalid value: "A": a lowercase RFC 1123 label/,
    ],
    [
      { requests: [{ name: "one" }] },
      "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
    ],
    [
      { requests: [{ ...request(), firstAvailable: [{ name: "a", deviceClassName: "b" }] }] },
      'spec.devices.requests[0]: Invalid value: "null": exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
    ],
    [
      { requests: [request({ deviceClassName: "" })] },
      "spec.devices.requests[0].exactly.deviceClassName: Required value",
    ],
    [
      { requests: [request({ deviceClassName: "a_b" })] },
      /deviceClassName: Invalid value: "a_b": a lowercase RFC 1123 subdomain/,
    ],
    [
      { requests: [request({ count: -1 })] },
      "spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero",
    ],
    [
      { requests: [request({ allocationMode: "All", count: 2 })] },
      "spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
    ],
    [
      { requests: [request({ allocationMode: "Some" })] },
      'spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"',
    ],
    [{ requests: [request({ selectors: [{}] })] }, "spec.devices.requests[0].exactly.selectors[0].cel: Required value"],
    [
      { requests: [request({ selectors: repeat(33, () => ({ cel: { expression: "true" } })) })] },
      /selectors: Too many: 33: must have at most 32 items/,
    ],
    [
      { requests: [request(cel("device.attributes[true].someBoolean"))] },
      /selectors\[0\]\.cel\.expression: Invalid value: "device\.attributes\[true\]\.someBoolean": compilation failed: ERROR: <input>:1:18: found no matching overload for '_\[_\]'/,
    ],
    [
      { requests: [request(cel("device.driver"))] },
      'spec.devices.requests[0].exactly.selectors[0].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string',
    ],
    [
      { requests: [request(cel(`"${"x".repeat(10 * 1024)}" == ""`))] },
      /expression: Too long: may not be more than 10240 bytes/,
    ],
    [
      {
        requests: [
          request(
            cel(
              "device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, device.attributes.all(e, a + b + c + d + e != '')))))",
            ),
          ),
        ],
      },
      "spec.devices.requests[0].exactly.selectors[0].cel.expression: Forbidden: too complex, exceeds cost limit",
    ],
    [
      { requests: [request({ tolerations: [{ key: "a", operator: "Exists", value: "b" }] })] },
      'spec.devices.requests[0].exactly.tolerations[0].value: Invalid value: "b": must be empty for operator `Exists`',
    ],
    [
      { requests: [request({ tolerations: [{ operator: "Exists", effect: "PreferNoSchedule" }] })] },
      /tolerations\[0\]\.effect: Unsupported value: "PreferNoSchedule": supported values: "NoExecute", "NoSchedule", "None"/,
    ],
    [
      { requests: [request()], constraints: [{ requests: ["two"], matchAttribute: "example.com/a" }] },
      "spec.devices.constraints[0].requests[0]: Invalid value: \"two\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
    ],
    [
      { constraints: [{}] },
      /^spec\.devices\.constraints\[0\]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required/,
    ],
    [
      { constraints: [{ matchAttribute: "numa" }] },
      'spec.devices.constraints[0].matchAttribute: Invalid value: "numa": a fully qualified name must be a domain and a name separated by a slash',
    ],
    [{ config: [{}] }, "spec.devices.config[0].opaque: Required value"],
    [{ config: [{ opaque: { driver: "", parameters: {} } }] }, "spec.devices.config[0].opaque.driver: Required value"],
    [
      { config: [{ opaque: { driver: "a", parameters: [1] } }] },
      "spec.devices.config[0].opaque.parameters: Invalid value: must be a valid JSON object",
    ],
    [
      { config: [{ opaque: { driver: "a", parameters: { a: "b".repeat(10_240) } } }] },
      /parameters: Too long: may not be more than 10240 bytes/,
    ],
  ])("are refused with %j", (devices, message) => {
    const [first] = claimErrors(devices);
    if (typeof message === "string") expect(first).toBe(message);
    else expect(first).toMatch(message);
  });

  const admin = request({ adminAccess: true });

  it.each([
    ["claims", CLAIMS, claim({ requests: [admin] })],
    [
      "templates",
      TEMPLATES,
      { metadata: { name: "t", namespace: "default" }, spec: { spec: { devices: { requests: [admin] } } } },
    ],
  ])("look into all devices where the namespace allows it: %s", (_what, info, body) => {
    const allowed = context({ objects: labelled({ "resource.kubernetes.io/admin-access": "true" }) });
    expect(errorsOf(info, body, allowed)).toEqual([]);
    expect(errorsOf(info, body)).toEqual([
      ": Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace",
    ]);
  });

  it("do not change", () => {
    const old = created(CLAIMS, claim({ requests: [request()] }));
    const next = created(CLAIMS, claim({ requests: [request({ count: 2 })] }));
    for (const each of [old, next]) each.metadata.resourceVersion = "1";
    const [error] = (strategyFor(CLAIMS).validateUpdate?.(next, old, ctx) ?? []).map(formatFieldError);
    expect(error).toMatch(/^spec: Invalid value: .*: field is immutable$/);
  });
});

describe("templates of claims", () => {
  it("check what they are templates of, and its metadata", () => {
    const spec = { metadata: { labels: { "a b": "c" } }, spec: { devices: { requests: [{ name: "one" }] } } };
    const errors = errorsOf(TEMPLATES, { metadata: { name: "t", namespace: "default" }, spec });
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatch(/^spec\.metadata\.labels: Invalid value: "a b"/);
    expect(errors[1]).toMatch(/^spec\.spec\.devices\.requests\[0\]: Required value/);
  });
});

describe("what has come of a claim", () => {
  const result = { request: "one", driver: "example.com", pool: "pool", device: "gpu-0" };
  const allocated = (more: object = {}, results: object[] = [result]): object => ({
    allocation: { devices: { results } },
    ...more,
  });
  const user = (uid: string): object => ({ resource: "pods", name: `pod-${uid}`, uid });
  function statusErrors(
    next: object,
    old: object = {},
    edit: (...claims: Loose[]) => void = () => {},
    with_ = ctx,
  ): string[] {
    const before = { ...created(CLAIMS, claim({ requests: [request()] })), status: old };
    before.metadata.resourceVersion = "1";
    const after = structuredClone({ ...before, status: next });
    edit(before, after);
    const rules = strategyFor(CLAIMS).subresources?.["status"];
    return (rules?.validateUpdate?.(after as KubeObject, before as KubeObject, with_) ?? []).map(formatFieldError);
  }

  it.each<[string, object, object?]>([
    ["allocated", allocated()],
    ["reserved", allocated({ reservedFor: [user("1"), user("2")] }), allocated()],
    ["deallocated", {}, allocated()],
    [
      "what drivers say of the devices",
      allocated({
        devices: [
          {
            driver: "example.com",
            pool: "pool",
            device: "gpu-0",
            data: { a: 1 },
            networkData: { ips: ["10.0.0.1/8", "fd00::1/64"] },
          },
        ],
      }),
    ],
  ])("may be: %s", (_what, next, old) => {
    expect(statusErrors(next, old)).toEqual([]);
  });

  it.each<[object, object, string | RegExp]>([
    [
      { reservedFor: [user("1")] },
      {},
      "status.reservedFor: Forbidden: may not be specified when `allocated` is not set",
    ],
    [allocated({ reservedFor: [user("1"), user("1")] }), {}, 'status.reservedFor[1]: Duplicate value: "1"'],
    [
      allocated({ reservedFor: repeat(257, (i) => user(String(i))) }),
      {},
      "status.reservedFor: Too many: 257: must have at most 256 items",
    ],
    [
      allocated({ reservedFor: [{ resource: "", name: "a", uid: "b" }] }),
      {},
      "status.reservedFor[0].resource: Required value",
    ],
    [
      allocated({}, [{ ...result, request: "two" }]),
      {},
      /^status\.allocation\.devices\.results\[0\]\.request: Invalid value: "two": must be the name of a request/,
    ],
    [
      allocated({}, [{ ...result, pool: "a//b" }]),
      {},
      /results\[0\]\.pool: Invalid value: "": a lowercase RFC 1123 subdomain/,
    ],
    [
      allocated({}, [{ ...result, shareID: "x" }]),
      {},
      /shareID: Invalid value: "x": error validating uid: invalid UUID length: 1/,
    ],
    [
      allocated({}, [{ ...result, bindingConditions: ["a"] }]),
      {},
      /bindingFailureConditions: Invalid value: \[\]: bindingFailureConditions are required to use bindingConditions/,
    ],
    [
      allocated({}, [{ ...result, device: "gpu-1" }]),
      allocated(),
      /^status\.allocation: Invalid value: .*: field is immutable$/,
    ],
    [
      allocated({ devices: [{ driver: "example.com", pool: "pool", device: "gpu-1" }] }),
      {},
      'status.devices[0]: Invalid value: "example.com/pool/gpu-1": must be an allocated device in the claim',
    ],
    [
      allocated({
        devices: [{ driver: "example.com", pool: "pool", device: "gpu-0", networkData: { ips: ["10.0.0.1"] } }],
      }),
      {},
      /networkData\.ips\[0\]: Invalid value: "10\.0\.0\.1": must be a valid address in CIDR form/,
    ],
    [
      allocated({}, [{ ...result, adminAccess: true }]),
      {},
      "status.allocation.devices.results[0].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace",
    ],
  ])("is refused: %j", (next, old, message) => {
    const [first] = statusErrors(next, old);
    if (typeof message === "string") expect(first).toBe(message);
    else expect(first).toMatch(message);
  });

  it("is reserved for nobody else once the claim is being deleted", () => {
    const remove = (...each: Loose[]): void => {
      for (const { metadata } of each) metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    };
    const old = allocated({ reservedFor: [user("1"), user("2")] });
    expect(statusErrors(allocated({ reservedFor: [user("1")] }), old, remove)).toEqual([]);
    expect(statusErrors(allocated({ reservedFor: [user("1"), user("3")] }), old, remove)[0]).toBe(
      "status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
    );
  });
});

describe("classes of devices", () => {
  const deviceClass = (spec: object): Loose => ({ metadata: { name: "gpu" }, spec });

  it("check their selectors, configurations and the resource that they stand for", () => {
    expect(
      errorsOf(CLASSES, deviceClass({ ...cel("device.driver == 'a'"), extendedResourceName: "example.com/gpu" })),
    ).toEqual([]);
    expect(errorsOf(CLASSES, deviceClass({ extendedResourceName: "cpu" }))).toEqual([
      'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
    ]);
    expect(errorsOf(CLASSES, deviceClass({ config: repeat(33, () => ({})) }))).toEqual([
      "spec.config: Too many: 33: must have at most 32 items",
    ]);
    expect(errorsOf(CLASSES, deviceClass(cel("1")))[0]).toMatch(
      /^spec\.selectors\[0\]\.cel\.expression: Invalid value: "1": must evaluate to bool/,
    );
  });

  it("do not look again at selectors that are stored", () => {
    const old = created(CLASSES, deviceClass(cel("nonsense")));
    old.metadata.resourceVersion = "1";
    const next = structuredClone(old);
    const update = (): readonly unknown[] => strategyFor(CLASSES).validateUpdate?.(next, old, ctx) ?? [];
    expect(update()).toEqual([]);
    next.spec.selectors.push({ cel: { expression: "true" } });
    expect(update()).toHaveLength(1);
  });
});
