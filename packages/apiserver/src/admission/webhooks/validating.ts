import { newInternalError } from "@knots/machinery";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { callWebhook } from "./call.ts";
import type { Invocation } from "./call.ts";
import { WebhookConfigurations } from "./configuration.ts";
import type { WebhookDependencies } from "./dependencies.ts";
import { CallingWebhookError } from "./errors.ts";
import { isExempt, matchWebhook } from "./match.ts";
import { failOpen, observed } from "./observed.ts";
import { toVersion, versionsOf } from "./versions.ts";

/** ValidatingAdmissionWebhook: all that are concerned are asked at once; each may refuse. */
export class ValidatingWebhooks implements AdmissionPlugin {
  readonly name = "ValidatingAdmissionWebhook";
  readonly #deps: WebhookDependencies;
  readonly #configurations: WebhookConfigurations;

  constructor(deps: WebhookDependencies) {
    this.#deps = deps;
    this.#configurations = new WebhookConfigurations("validating", deps.registry(), deps.resolver);
  }

  handles(attributes: AdmissionAttributes): boolean {
    return this.#configurations.current.operations.has(attributes.operation) && !isExempt(attributes);
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const versions = versionsOf(this.#deps.registry(), attributes);
    const invocations: Invocation[] = [];
    for (const webhook of this.#configurations.current.webhooks) {
      const matched = await matchWebhook(webhook, attributes, versions, this.#deps.evaluator);
      if (matched === undefined) continue;
      const objects = {
        object: await toVersion(matched, attributes.object),
        oldObject: await toVersion(matched, attributes.oldObject),
      };
      invocations.push({ webhook, attributes, matched, requested: versions[0] ?? matched, objects });
    }
    const errors = await Promise.all(invocations.map((invocation, index) => this.#ask(invocation, index)));
    const first = errors.find((error) => error !== undefined);
    if (first !== undefined) throw first;
  }

  /** The error that refuses the request. */
  async #ask(invocation: Invocation, index: number): Promise<Error | undefined> {
    const { webhook, attributes } = invocation;
    try {
      await observed(this.#deps, "validating", webhook, attributes, () =>
        callWebhook(this.#deps.client, invocation, false),
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof CallingWebhookError)) return error as Error;
      if (!webhook.ignoreFailure) return newInternalError(error.message);
      try {
        failOpen(this.#deps, "validating", webhook, attributes, error);
      } catch (gone) {
        return gone as Error;
      }
      attributes.annotate?.(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, webhook.name);
      return undefined;
    }
  }
}
