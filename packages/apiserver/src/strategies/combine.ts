import type { KubeObject } from "@knots/machinery";
import type { Strategy } from "./types.ts";

/** A kind's own rules, written for its type. */
export type KindStrategy<T extends KubeObject> = Strategy<T>;

/**
 * The default rules with a kind's own after them: preparations run one after the other, errors add up,
 * everything else is the kind's when it has it.
 */
export function combine(base: Strategy, own: Strategy): Strategy {
  const subresources: Record<string, Partial<Strategy>> = { ...base.subresources };
  for (const [name, rules] of Object.entries(own.subresources ?? {})) {
    subresources[name] = combine(subresources[name] ?? {}, rules);
  }
  return {
    ...base,
    ...own,
    ...chained(base, own),
    subresources,
  };
}

function chained(base: Strategy, own: Strategy): Strategy {
  const result: Strategy = {};
  if (base.prepareForCreate && own.prepareForCreate) {
    result.prepareForCreate = (obj, ctx) => {
      base.prepareForCreate?.(obj, ctx);
      own.prepareForCreate?.(obj, ctx);
    };
  }
  if (base.prepareForUpdate && own.prepareForUpdate) {
    result.prepareForUpdate = (next, old, ctx) => {
      base.prepareForUpdate?.(next, old, ctx);
      own.prepareForUpdate?.(next, old, ctx);
    };
  }
  if (base.validate && own.validate) {
    result.validate = (obj, ctx) => [...(base.validate?.(obj, ctx) ?? []), ...(own.validate?.(obj, ctx) ?? [])];
  }
  if (base.validateUpdate && own.validateUpdate) {
    result.validateUpdate = (next, old, ctx) => [
      ...(base.validateUpdate?.(next, old, ctx) ?? []),
      ...(own.validateUpdate?.(next, old, ctx) ?? []),
    ];
  }
  return result;
}
