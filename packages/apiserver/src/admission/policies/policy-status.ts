import { validatingAdmissionPolicies } from "@knots/api/admissionregistration/v1";
import type { ValidatingAdmissionPolicy } from "@knots/api/admissionregistration/v1";
import type { KubeObject, Logger } from "@knots/machinery";
import type { Registry } from "../../registry/registry.ts";
import { typeCheck } from "./type-check.ts";

/**
 * Writes into each ValidatingAdmissionPolicy's status what type checking says of its present generation. It works here
 * and not in the controller manager, because the types and the language are the API server's.
 */
export class PolicyStatus implements AsyncDisposable {
  readonly #registry: Registry;
  readonly #logger: Logger;
  readonly #queue = new Set<string>();
  #subscription: Disposable | undefined;
  #working: Promise<void> | undefined;
  #stopped = false;

  constructor(registry: Registry, logger: Logger) {
    this.#registry = registry;
    this.#logger = logger;
  }

  start(): void {
    this.#subscription = this.#registry.subscribe(validatingAdmissionPolicies, ({ object }) => this.#enqueue(object));
    for (const policy of this.#registry.list(validatingAdmissionPolicies)) this.#enqueue(policy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#subscription?.[Symbol.dispose]();
    await this.#working;
  }

  #enqueue({ metadata }: KubeObject): void {
    this.#queue.add(metadata?.name ?? "");
    this.#start();
  }

  #start(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#queue.size > 0 && !this.#stopped) this.#start();
    });
  }

  async #work(): Promise<void> {
    for (const name of this.#queue) {
      this.#queue.delete(name);
      if (this.#stopped) return;
      try {
        await this.#reconcile(name);
      } catch (error) {
        // The next change of the policy is the next attempt: until then its status tells that it was not checked.
        this.#logger.warn({ err: error, policy: name }, "the types of a policy could not be checked");
      }
    }
  }

  async #reconcile(name: string): Promise<void> {
    const policy = this.#registry.get(validatingAdmissionPolicies, undefined, name);
    if (policy === undefined || policy.status?.observedGeneration === policy.metadata?.generation) return;
    const expressionWarnings = typeCheck(policy, this.#registry);
    const observedGeneration = policy.metadata?.generation;
    await this.#registry.storageFor(validatingAdmissionPolicies).update(this.#registry.system("status"), {
      namespace: "",
      name,
      forceUnconditional: true,
      retryOnConflict: true,
      raw: true,
      transform(current) {
        const next = structuredClone(current) as KubeObject as ValidatingAdmissionPolicy;
        next.status = {
          ...next.status,
          ...(observedGeneration === undefined ? {} : { observedGeneration }),
          typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings },
        };
        return next;
      },
    });
  }
}
