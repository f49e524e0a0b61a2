import { RESOURCES, applySchemaDefaults, schemaFor, validateShape } from "@knots/api";
import type { ResourceInfo } from "@knots/api";
import { formatFieldError } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { strategyFor } from "./index.ts";
import type { Strategy, StrategyContext } from "./types.ts";

/** An object in JSON shape, as tests read and change it. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests reach anywhere into objects of any kind
export type Loose = any;

export function infoOf(resource: string, group?: string, version?: string): ResourceInfo {
  const info = RESOURCES.find(
    (each) =>
      each.resource === resource &&
      (group === undefined || each.group === group) &&
      (version === undefined || each.version === version),
  );
  if (!info) throw new Error(`no resource ${resource}`);
  return info;
}

export const context = (changes: Partial<StrategyContext> = {}): StrategyContext =>
  ({
    user: { name: "jane", groups: ["system:authenticated"] },
    namespace: "default",
    name: "",
    subresource: "",
    now: 0,
    dryRun: false,
    warn: () => undefined,
    ...changes,
  }) as StrategyContext;

/** What the registry does with a body on create: shape, defaults, preparation. */
export function created(info: ResourceInfo, body: object, warn: (text: string) => void = () => undefined): Loose {
  const obj: Loose = structuredClone(body);
  const strategy = strategyFor(info);
  const schema = schemaFor(info);
  if (schema) {
    validateShape(schema, obj);
    applySchemaDefaults(schema, obj);
  }
  strategy.defaults?.(obj as KubeObject);
  strategy.prepareForCreate?.(obj as KubeObject, context({ warn }));
  strategy.defaults?.(obj as KubeObject);
  return obj;
}

/** "spec.replicas: must be greater than or equal to 0" for each error of a create. */
export function createErrors(info: ResourceInfo, body: object): string[] {
  const obj = created(info, body) as KubeObject;
  return shown(strategyFor(info).validate?.(obj, context()));
}

/** Errors of a create in upstream's words: "spec.replicas: Invalid value: -1: must be …". */
export function createMessages(info: ResourceInfo, body: object): string[] {
  const obj = created(info, body) as KubeObject;
  return (strategyFor(info).validate?.(obj, context()) ?? []).map(formatFieldError);
}

/** The new object after preparation, and its errors, when `change` is applied to a stored `old`. */
export function updated(
  info: ResourceInfo,
  old: object,
  change: (obj: Loose) => void,
  subresource = "",
): { next: Loose; errors: string[]; messages: string[] } {
  const stored: Loose = structuredClone(old);
  stored.metadata.resourceVersion ??= "1";
  const next: Loose = structuredClone(stored);
  change(next);
  const main = strategyFor(info);
  const strategy: Partial<Strategy> = subresource === "" ? main : { ...main, ...main.subresources?.[subresource] };
  strategy.defaults?.(next as KubeObject);
  strategy.prepareForUpdate?.(next as KubeObject, stored as KubeObject, context({ subresource }));
  const found = strategy.validateUpdate?.(next as KubeObject, stored as KubeObject, context({ subresource })) ?? [];
  return { next, errors: shown(found), messages: found.map(formatFieldError) };
}

function shown(errors: { field: unknown; detail?: string }[] = []): string[] {
  return errors.map((error) => `${String(error.field)}: ${(error.detail ?? "").split("\n")[0] ?? ""}`);
}
