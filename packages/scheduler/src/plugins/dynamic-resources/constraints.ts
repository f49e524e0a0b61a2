import type { DeviceAttribute, DeviceConstraint } from "@knots/api/resource/v1";
import type { PoolDevice } from "./pools.ts";

/** A condition on several devices of a claim together. Once it is broken, more devices never mend it. */
export interface Constraint {
  /** Takes the device for a request ("main", or "main/sub"); false where it does not go with those taken before. */
  add(request: string, device: PoolDevice): boolean;
  /** Takes back an `add` that was granted. */
  remove(request: string, device: PoolDevice): void;
}

/** Undefined for one of a kind that is not known. */
export function makeConstraint(constraint: DeviceConstraint): Constraint | undefined {
  const { requests = [], matchAttribute, distinctAttribute } = constraint;
  const names = new Set(requests);
  const concerns = (request: string): boolean =>
    names.size === 0 || names.has(request) || names.has(request.split("/")[0] ?? "");
  if (matchAttribute !== undefined) return new AttributeConstraint(matchAttribute, concerns, 1, Infinity);
  if (distinctAttribute !== undefined) return new AttributeConstraint(distinctAttribute, concerns, Infinity, 1);
  return undefined;
}

/** So many different values, and so many devices of one value, at most. */
class AttributeConstraint implements Constraint {
  readonly #attribute: string;
  readonly #concerns: (request: string) => boolean;
  readonly #maxValues: number;
  readonly #maxDevices: number;
  /** Devices by value. */
  readonly #taken = new Map<string, number>();

  constructor(attribute: string, concerns: (request: string) => boolean, maxValues: number, maxDevices: number) {
    this.#attribute = attribute;
    this.#concerns = concerns;
    this.#maxValues = maxValues;
    this.#maxDevices = maxDevices;
  }

  add(request: string, device: PoolDevice): boolean {
    if (!this.#concerns(request)) return true;
    const value = this.#value(device);
    if (value === undefined) return false;
    const devices = this.#taken.get(value) ?? 0;
    if (devices >= this.#maxDevices || (devices === 0 && this.#taken.size >= this.#maxValues)) return false;
    this.#taken.set(value, devices + 1);
    return true;
  }

  remove(request: string, device: PoolDevice): void {
    const value = this.#concerns(request) ? this.#value(device) : undefined;
    const devices = value === undefined ? undefined : this.#taken.get(value);
    if (value === undefined || devices === undefined) return;
    if (devices === 1) this.#taken.delete(value);
    else this.#taken.set(value, devices - 1);
  }

  /** Type and value as a text; undefined: the device has no such attribute, or one of a type that is not known. */
  #value(device: PoolDevice): string | undefined {
    const attribute = lookUpAttribute(device, this.#attribute);
    if (attribute === undefined) return undefined;
    for (const type of ["string", "int", "bool", "version"] as const) {
      const value = attribute[type];
      if (value !== undefined) return `${type} ${String(value)}`;
    }
    return undefined;
  }
}

/** A driver may leave its own name out of its attributes' names. */
function lookUpAttribute({ device, pool }: PoolDevice, name: string): DeviceAttribute | undefined {
  const { attributes = {} } = device;
  if (Object.hasOwn(attributes, name)) return attributes[name];
  const prefix = `${pool.driver}/`;
  if (!name.startsWith(prefix)) return undefined;
  const id = name.slice(prefix.length);
  return Object.hasOwn(attributes, id) ? attributes[id] : undefined;
}
