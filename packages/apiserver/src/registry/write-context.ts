import { newConflict } from "@knots/machinery";
import type { Clock, KubeObject } from "@knots/machinery";
import type { AdmissionAttributes } from "../admission/types.ts";
import type { Strategy, StrategyContext } from "../strategies/types.ts";
import { encodeObject } from "../watch-cache/encode-object.ts";
import { Entry } from "../watch-cache/entry.ts";
import { withMetadata } from "./metadata.ts";
import type { StoredObject } from "./metadata.ts";
import type { ObjectSource } from "./object-source.ts";
import type { Operation } from "./operation.ts";
import type { StoredType } from "./resource-type.ts";
import { apiVersionOf } from "./served.ts";

/** What a write of one resource shows to its strategy and to admission. */
export class WriteContext {
  readonly #type: StoredType;
  readonly #deps: { readonly clock: Clock; readonly objects: ObjectSource };

  constructor(type: StoredType, deps: { readonly clock: Clock; readonly objects: ObjectSource }) {
    this.#type = type;
    this.#deps = deps;
  }

  /** The strategy of the resource, or of one of its subresources. */
  strategy(subresource: string): Strategy {
    const { strategy } = this.#type;
    if (subresource === "") return strategy;
    const overrides = strategy.subresources?.[subresource];
    return overrides === undefined ? strategy : { ...strategy, ...overrides };
  }

  /** What strategies know of a write. */
  of(op: Operation, namespace: string, name: string): StrategyContext {
    return {
      user: op.user,
      namespace,
      name,
      subresource: op.subresource,
      ...(op.apiVersion === undefined ? {} : { apiVersion: op.apiVersion }),
      now: this.#deps.clock.now(),
      objects: this.#deps.objects,
      dryRun: op.dryRun,
      warn: op.warn,
    };
  }

  /** What admission knows of it. */
  attributes(
    op: Operation,
    operation: AdmissionAttributes["operation"],
    namespace: string,
    name: string,
    object: KubeObject | undefined,
    oldObject: KubeObject | undefined,
  ): AdmissionAttributes {
    const { group, version, resource, kind } = this.#type.info;
    return {
      operation,
      group,
      version,
      resource,
      subresource: op.subresource,
      kind: op.view?.kind ?? { group, version, kind },
      requestVersion: op.apiVersion ?? apiVersionOf({ group, version }),
      namespace,
      name,
      object: object === undefined ? undefined : viewOf(op, object),
      oldObject: oldObject === undefined ? undefined : viewOf(op, oldObject),
      options: optionsFor(operation, op.options),
      user: op.user,
      dryRun: op.dryRun,
      objects: this.#deps.objects,
      now: this.#deps.clock.now(),
      warn: (text) => op.warn(text),
      annotate: op.annotate,
      signal: op.signal,
      reinvocation: false,
    };
  }

  /** The object of an entry in the version in which it would be stored now. */
  async upgraded(entry: Entry): Promise<StoredObject> {
    return withMetadata((await this.#type.upgrade?.(entry.object)) ?? entry.object);
  }
}

/** A patch is admitted as what it does: the creation or the update of an object. */
function optionsFor(
  operation: AdmissionAttributes["operation"],
  options: Operation["options"],
): AdmissionAttributes["options"] {
  if (options["kind"] !== "PatchOptions") return options;
  const { force: _force, ...rest } = options;
  return { ...rest, kind: operation === "CREATE" ? "CreateOptions" : "UpdateOptions" };
}

/** What admission sees of an object. */
export function viewOf(op: Operation, object: KubeObject): KubeObject {
  return op.view === undefined || op.admission === undefined ? object : op.view.of(object);
}

/** What a writer is told whom another came before. */
export function modified(info: { group: string; resource: string }, name: string): Error {
  return newConflict(
    info,
    name,
    "the object has been modified; please apply your changes to the latest version and try again",
  );
}

/** An entry that the store does not hold: what a dry run, or the update that ended an object, shows its caller. */
export function detachedEntry(key: string, object: StoredObject): Entry {
  return new Entry(key, Number(object.metadata.resourceVersion ?? 0), 0, encodeObject(object), object);
}
