// CEL selectors of devices: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/resource-claim-v1/
import { CelMap, StructValue, ValueMap, compile, typeOfValue, types } from "@knots/cel";
import type { Program, Value } from "@knots/cel";
import { DEVICE, DEVICE_SELECTORS } from "@knots/cel/library/devices";
import { QuantityValue } from "@knots/cel/library/quantities";
import { semver } from "@knots/cel/library/semvers";
import type { Device, DeviceAttribute } from "@knots/api/resource/v1";
import { Quantity } from "@knots/machinery";

/** What evaluating one selector for one device may cost. */
const MAX_COST = 1_000_000;
/** Compiled expressions that are kept; a cluster has a handful of classes. */
const MAX_PROGRAMS = 1000;

/** The expression does not compile, or cannot be evaluated for a device. The message begins with which of the two. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

/** Values by domain; a domain of which the device says nothing is an empty map, so that `?.` is not needed for it. */
class Domains extends CelMap {
  readonly #domains: ReadonlyMap<string, ValueMap>;
  constructor(domains: ReadonlyMap<string, ValueMap>) {
    super();
    this.#domains = domains;
  }
  get size(): number {
    return this.#domains.size;
  }
  get(key: Value): Value | undefined {
    return typeof key === "string" ? (this.#domains.get(key) ?? ValueMap.empty()) : undefined;
  }
  override has(key: Value): boolean {
    return typeof key === "string" && this.#domains.has(key);
  }
  keys(): Iterable<string> {
    return this.#domains.keys();
  }
}

/** "domain/id", the driver being the domain of names without one. */
export function splitQualifiedName(name: string, driver: string): readonly [domain: string, id: string] {
  const slash = name.indexOf("/");
  return slash < 0 ? [driver, name] : [name.slice(0, slash), name.slice(slash + 1)];
}

function attributeValue(name: string, { int, bool, string, version }: DeviceAttribute): Value {
  if (int !== undefined) return BigInt(int);
  if (bool !== undefined) return bool;
  if (string !== undefined) return string;
  // Lists are an alpha feature.
  if (version === undefined)
    throw new SelectorError(`CEL runtime error: attribute ${name}: unsupported attribute value`);
  try {
    return semver(version, false);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new SelectorError(`CEL runtime error: attribute ${name}: parse semantic version: ${message}`, {
      cause: error,
    });
  }
}

function domains<T>(
  values: Readonly<Record<string, T>> | undefined,
  driver: string,
  convert: (name: string, value: T) => Value,
): Domains {
  const entries = new Map<string, [Value, Value][]>();
  for (const [name, value] of Object.entries(values ?? {})) {
    const [domain, id] = splitQualifiedName(name, driver);
    const list = entries.get(domain) ?? [];
    list.push([id, convert(name, value)]);
    entries.set(domain, list);
  }
  return new Domains(new Map([...entries].map(([domain, list]) => [domain, ValueMap.of(list)])));
}

function deviceValue(driver: string, device: Device): StructValue {
  return new StructValue(
    DEVICE,
    new Map<string, Value>([
      ["driver", driver],
      ["attributes", domains(device.attributes, driver, attributeValue)],
      ["capacity", domains(device.capacity, driver, (_name, { value }) => new QuantityValue(Quantity.parse(value)))],
      ["allowMultipleAllocations", device.allowMultipleAllocations ?? false],
    ]),
  );
}

/** Compiles selectors once, and evaluates each once per device as it was published: neither changes afterwards. */
export class DeviceSelectors {
  readonly #programs = new Map<string, Program | SelectorError>();
  readonly #values = new WeakMap<Device, StructValue>();
  readonly #results = new WeakMap<Device, Map<string, boolean>>();

  /** Throws SelectorError. */
  matches(expression: string, driver: string, device: Device): boolean {
    let results = this.#results.get(device);
    if (results === undefined) this.#results.set(device, (results = new Map()));
    let result = results.get(expression);
    if (result === undefined) results.set(expression, (result = this.#evaluate(expression, driver, device)));
    return result;
  }

  #evaluate(expression: string, driver: string, device: Device): boolean {
    const program = this.#program(expression);
    let value = this.#values.get(device);
    if (value === undefined) this.#values.set(device, (value = deviceValue(driver, device)));
    const bound = value;
    const outcome = program.evaluate({ get: (name) => (name === "device" ? bound : undefined) }, MAX_COST);
    if (outcome.error !== undefined) {
      throw new SelectorError(`CEL runtime error: ${outcome.error.message}`, { cause: outcome.error });
    }
    if (typeof outcome.value !== "boolean") {
      const type = types.formatType(typeOfValue(outcome.value ?? null));
      throw new SelectorError(`CEL runtime error: CEL result of type ${type} could not be converted to bool`);
    }
    return outcome.value;
  }

  #program(expression: string): Program {
    let program = this.#programs.get(expression);
    if (program === undefined) {
      if (this.#programs.size >= MAX_PROGRAMS) this.#programs.clear();
      this.#programs.set(expression, (program = compileSelector(expression)));
    }
    if (program instanceof SelectorError) throw program;
    return program;
  }
}

function compileSelector(expression: string): Program | SelectorError {
  try {
    const program = compile(expression, DEVICE_SELECTORS);
    const { type } = program;
    if (type.kind === "bool" || type.kind === "dyn") return program;
    return new SelectorError(
      `CEL compile error: must evaluate to bool or the unknown type, not ${types.formatType(type)}`,
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return new SelectorError(`CEL compile error: compilation failed: ${message}`, { cause: error });
  }
}
