import { jsonPatch, newInternalError, parseJsonExactly } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { deepEqual } from "../../registry/metadata.ts";
import { REINVOKE } from "../types.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { callWebhook } from "./call.ts";
import type { Invocation } from "./call.ts";
import { WebhookConfigurations } from "./configuration.ts";
import type { CompiledWebhook } from "./configuration.ts";
import type { WebhookDependencies } from "./dependencies.ts";
import { CallingWebhookError } from "./errors.ts";
import { isExempt, matchWebhook } from "./match.ts";
import { failOpen, observed } from "./observed.ts";
import { fromVersion, shapeMutated, toVersion, versionsOf } from "./versions.ts";
import type { RequestVersion } from "./versions.ts";

/** What is remembered of a request between its two rounds. */
interface Rounds {
  /** IfNeeded webhooks that were asked since the last change. */
  asked: Set<string>;
  /** Those that are to be asked again. */
  readonly again: Set<string>;
  /** The object as the webhooks left it. */
  output: KubeObject | undefined;
}

/** MutatingAdmissionWebhook: one webhook after the other, each on what the one before it left. */
export class MutatingWebhooks implements AdmissionPlugin {
  readonly name = "MutatingAdmissionWebhook";
  readonly #deps: WebhookDependencies;
  readonly #configurations: WebhookConfigurations;
  readonly #rounds = new WeakMap<AdmissionAttributes, Rounds>();

  constructor(deps: WebhookDependencies) {
    this.#deps = deps;
    this.#configurations = new WebhookConfigurations("mutating", deps.registry(), deps.resolver);
  }

  handles(attributes: AdmissionAttributes): boolean {
    return this.#configurations.current.operations.has(attributes.operation) && !isExempt(attributes);
  }

  async mutate(attributes: AdmissionAttributes): Promise<void | typeof REINVOKE> {
    const rounds = this.#roundsOf(attributes);
    if (attributes.reinvocation && !deepEqual(rounds.output, attributes.object)) requireAgain(rounds);
    const versions = versionsOf(this.#deps.registry(), attributes);
    let changed = false;
    for (const [index, webhook] of this.#configurations.current.webhooks.entries()) {
      const matched = await matchWebhook(webhook, attributes, versions, this.#deps.evaluator);
      if (matched === undefined) continue;
      if (attributes.reinvocation && !rounds.again.has(webhook.uid)) continue;
      if (await this.#invoke(webhook, attributes, matched, versions[0] ?? matched, index)) {
        changed = true;
        requireAgain(rounds);
      }
      if (webhook.reinvocable) rounds.asked.add(webhook.uid);
    }
    rounds.output = structuredClone(attributes.object);
    return changed && !attributes.reinvocation ? REINVOKE : undefined;
  }

  /** True when the webhook changed the object. */
  async #invoke(
    webhook: CompiledWebhook,
    attributes: AdmissionAttributes,
    matched: RequestVersion,
    requested: RequestVersion,
    index: number,
  ): Promise<boolean> {
    const place = `round_${attributes.reinvocation ? 1 : 0}_index_${index}`;
    const about = { configuration: webhook.configuration, webhook: webhook.name };
    let mutated = false;
    const turn = async (): Promise<void> => {
      const object = await toVersion(matched, attributes.object);
      const oldObject = await toVersion(matched, attributes.oldObject);
      const invocation: Invocation = { webhook, attributes, matched, requested, objects: { object, oldObject } };
      const { patch, patchType } = await callWebhook(this.#deps.client, invocation, true);
      const operations = patch === undefined ? [] : parsePatch(patch);
      if (operations.length > 0) {
        const next = applyPatch(webhook, matched, object, operations, patchType);
        mutated = !deepEqual(object, next);
        attributes.object = await fromVersion(matched, next);
        attributes.annotate?.(
          `patch.webhook.admission.k8s.io/${place}`,
          JSON.stringify({ ...about, patch: operations, patchType }),
        );
      }
    };
    try {
      await observed(this.#deps, "admit", webhook, attributes, turn);
    } catch (error) {
      if (!(error instanceof CallingWebhookError)) throw error;
      if (!webhook.ignoreFailure) throw newInternalError(error.message);
      failOpen(this.#deps, "admit", webhook, attributes, error);
      attributes.annotate?.(`failed-open.mutating.webhook.admission.k8s.io/${place}`, webhook.name);
    }
    attributes.annotate?.(`mutation.webhook.admission.k8s.io/${place}`, JSON.stringify({ ...about, mutated }));
    return mutated;
  }

  #roundsOf(attributes: AdmissionAttributes): Rounds {
    let rounds = this.#rounds.get(attributes);
    if (rounds === undefined) {
      rounds = { asked: new Set(), again: new Set(), output: undefined };
      this.#rounds.set(attributes, rounds);
    }
    return rounds;
  }
}

function requireAgain(rounds: Rounds): void {
  for (const uid of rounds.asked) rounds.again.add(uid);
  rounds.asked = new Set();
}

function parsePatch(patch: Buffer): object[] {
  let value: unknown;
  try {
    value = parseJsonExactly(patch.toString("utf8"));
  } catch (error) {
    throw newInternalError((error as Error).message);
  }
  if (value === null) return [];
  if (!Array.isArray(value))
    throw newInternalError("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  return value as object[];
}

function applyPatch(
  { name }: CompiledWebhook,
  version: RequestVersion,
  object: KubeObject | undefined,
  operations: readonly object[],
  patchType: string,
): KubeObject {
  if (object === undefined) {
    throw newInternalError(
      `admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`,
    );
  }
  if (patchType !== "JSONPatch")
    throw new CallingWebhookError(name, `unsupported patch type ${JSON.stringify(patchType)}`);
  let next: KubeObject;
  try {
    next = jsonPatch(object, operations);
  } catch (error) {
    throw newInternalError(
      (error as { status?: { details?: { causes?: { message?: string }[] } } }).status?.details?.causes?.[0]?.message ??
        (error as Error).message,
    );
  }
  return shapeMutated(version, next);
}
