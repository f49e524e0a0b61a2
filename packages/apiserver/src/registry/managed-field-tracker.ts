import { formatTime } from "@knots/machinery";
import type { Logger } from "@knots/machinery";
import { TypedError, trackUpdate } from "@knots/machinery/managed-fields/index";
import type { Writer } from "@knots/machinery/managed-fields/index";
import type { FieldTracker } from "./field-tracker.ts";
import type { StoredObject } from "./metadata.ts";
import type { Operation } from "./operation.ts";
import type { StoredType } from "./resource-type.ts";
import { apiVersionOf } from "./served.ts";
import { versionsFor } from "./versions.ts";

/** metadata.managedFields of plain writes: who created or changed a field owns it. */
export class ManagedFieldTracker implements FieldTracker {
  readonly #logger: Logger;
  #lastTime: [second: number, text: string] = [-1, ""];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  onCreate(type: StoredType, object: StoredObject, op: Operation, now: number): void {
    this.#track(type, undefined, object, op, now);
  }

  onUpdate(type: StoredType, next: StoredObject, old: StoredObject, op: Operation, now: number): void {
    this.#track(type, old, next, op, now);
  }

  #track(type: StoredType, live: StoredObject | undefined, next: StoredObject, op: Operation, now: number): void {
    const { metadata } = next;
    let managedFields: typeof metadata.managedFields;
    try {
      managedFields = trackUpdate(live, next, this.#writer(type, op, now), versionsFor(type, op.subresource));
    } catch (error) {
      // A write never fails for its managed fields; what was known stays.
      // An item without its keys is the client's mistake: validation, which comes later, answers it.
      const level = error instanceof TypedError ? "debug" : "error";
      this.#logger[level](
        { err: error, resource: type.info.resource, namespace: metadata.namespace, name: metadata.name },
        "failed to update managedFields",
      );
      managedFields = live?.metadata.managedFields;
    }
    if (managedFields === undefined) delete metadata.managedFields;
    else metadata.managedFields = managedFields;
  }

  #writer(type: StoredType, op: Operation, now: number): Writer {
    return writerOf(op, op.apiVersion ?? apiVersionOf(type.info), this.#time(now));
  }

  /** Texts of times are made once a second. */
  #time(now: number): string {
    const second = Math.floor(now / 1000);
    if (this.#lastTime[0] !== second) this.#lastTime = [second, formatTime(new Date(now))];
    return this.#lastTime[1];
  }
}

/** Who an operation is to managed fields. */
export function writerOf(op: Operation, apiVersion: string, time: string): Writer {
  return { manager: op.fieldManager, subresource: op.subresource, apiVersion, time };
}
