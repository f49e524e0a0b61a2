import type { KubeObject, ResourceType } from "@knots/machinery";
import type { Registry } from "../../registry/registry.ts";

interface PolicyLike extends KubeObject {
  readonly spec?: object;
}

interface BindingLike extends KubeObject {
  readonly spec?: { readonly policyName?: string };
}

/** A policy, compiled, with its bindings. */
export interface BoundPolicy<P, B> {
  readonly policy: P;
  readonly bindings: readonly B[];
}

/** The policies that have bindings, compiled when they are first needed and again when they change. */
export class PolicySet<TPolicy extends PolicyLike, TBinding extends BindingLike, P, B> implements Disposable {
  readonly #registry: Registry;
  readonly #types: { readonly policies: ResourceType<TPolicy>; readonly bindings: ResourceType<TBinding> };
  readonly #compile: { policy(policy: TPolicy): P; binding(binding: TBinding): B };
  readonly #policies = new WeakMap<TPolicy, P>();
  readonly #bindings = new WeakMap<TBinding, B>();
  readonly #subscriptions: readonly Disposable[];
  #current: readonly BoundPolicy<P, B>[] | undefined;

  constructor(
    registry: Registry,
    types: { readonly policies: ResourceType<TPolicy>; readonly bindings: ResourceType<TBinding> },
    compile: { policy(policy: TPolicy): P; binding(binding: TBinding): B },
  ) {
    this.#registry = registry;
    this.#types = types;
    this.#compile = compile;
    const forget = (): void => {
      this.#current = undefined;
    };
    this.#subscriptions = [registry.subscribe(types.policies, forget), registry.subscribe(types.bindings, forget)];
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  get current(): readonly BoundPolicy<P, B>[] {
    return (this.#current ??= this.#read());
  }

  #read(): BoundPolicy<P, B>[] {
    const byPolicy = Map.groupBy(this.#registry.list(this.#types.bindings), ({ spec }) => spec?.policyName ?? "");
    return this.#registry.list(this.#types.policies).flatMap((policy) => {
      const bindings = byPolicy.get(policy.metadata?.name ?? "") ?? [];
      if (bindings.length === 0) return [];
      return [
        {
          policy: remember(this.#policies, policy, () => this.#compile.policy(policy)),
          bindings: bindings.map((binding) => remember(this.#bindings, binding, () => this.#compile.binding(binding))),
        },
      ];
    });
  }
}

/** Objects in the cache never change: what was made of one holds for as long as it is there. */
function remember<K extends object, V>(known: WeakMap<K, V>, key: K, make: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}
