import type {
  MatchCondition,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "@knots/api/admissionregistration/v1";
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from "@knots/api/admissionregistration/v1";
import { selectorFromLabelSelector } from "@knots/machinery";
import type { Selector } from "@knots/machinery";
import { remoteOf } from "../../outbound/index.ts";
import type { Remote, ServiceResolver } from "../../outbound/index.ts";
import type { ObjectSource } from "../../registry/object-source.ts";
import { operationsOf } from "./rules.ts";

/** One webhook of one configuration, prepared for matching and calling. */
export interface CompiledWebhook {
  /** Configuration, name and place: what reinvocation knows it by. */
  readonly uid: string;
  readonly name: string;
  readonly configuration: string;
  readonly rules: readonly RuleWithOperations[];
  readonly equivalent: boolean;
  readonly namespaceSelector: Selector;
  readonly objectSelector: Selector;
  readonly matchConditions: readonly MatchCondition[];
  readonly ignoreFailure: boolean;
  readonly reinvocable: boolean;
  readonly sideEffects: string | undefined;
  readonly timeoutSeconds: number;
  readonly reviewVersion: "v1" | "v1beta1" | undefined;
  /** Throws when the configuration names no server. */
  endpoint(): { remote: Remote; path: string };
}

/** Webhooks of one kind, in the order of their configurations' names, with the operations that any of them is for. */
export interface WebhookSet {
  readonly webhooks: readonly CompiledWebhook[];
  readonly operations: ReadonlySet<string>;
}

const NONE: WebhookSet = { webhooks: [], operations: new Set() };

export type WebhookKind = "mutating" | "validating";

/** Follows the configurations; compiled again when one changes, so that a cluster without webhooks pays nothing. */
export class WebhookConfigurations {
  readonly #objects: ObjectSource;
  readonly #resolver: ServiceResolver;
  readonly #kind: WebhookKind;
  #current: WebhookSet | undefined;

  constructor(kind: WebhookKind, objects: ObjectSource, resolver: ServiceResolver) {
    this.#kind = kind;
    this.#objects = objects;
    this.#resolver = resolver;
    const changed = (): void => {
      this.#current = undefined;
    };
    if (kind === "mutating") objects.subscribe(mutatingWebhookConfigurations, changed);
    else objects.subscribe(validatingWebhookConfigurations, changed);
  }

  get current(): WebhookSet {
    this.#current ??= this.#compile();
    return this.#current;
  }

  #compile(): WebhookSet {
    const configurations: readonly (MutatingWebhookConfiguration | ValidatingWebhookConfiguration)[] =
      this.#kind === "mutating"
        ? this.#objects.list<MutatingWebhookConfiguration>(mutatingWebhookConfigurations)
        : this.#objects.list<ValidatingWebhookConfiguration>(validatingWebhookConfigurations);
    if (configurations.length === 0) return NONE;
    const webhooks = configurations
      .toSorted((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1))
      .flatMap((configuration) => {
        const name = configuration.metadata?.name ?? "";
        const counts = new Map<string, number>();
        return (configuration.webhooks ?? []).map((webhook) => {
          const place = counts.get(webhook.name) ?? 0;
          counts.set(webhook.name, place + 1);
          return compileWebhook(webhook, name, `${name}/${webhook.name}/${place}`, this.#resolver);
        });
      });
    return { webhooks, operations: new Set(webhooks.flatMap(({ rules }) => rules.flatMap(operationsOf))) };
  }
}

export function compileWebhook(
  webhook: MutatingWebhook | ValidatingWebhook,
  configuration: string,
  uid: string,
  resolver: ServiceResolver,
): CompiledWebhook {
  const known = webhook.admissionReviewVersions.find((version) => version === "v1" || version === "v1beta1");
  return {
    uid,
    name: webhook.name,
    configuration,
    rules: webhook.rules ?? [],
    equivalent: webhook.matchPolicy !== "Exact",
    namespaceSelector: selectorFromLabelSelector(webhook.namespaceSelector ?? {}),
    objectSelector: selectorFromLabelSelector(webhook.objectSelector ?? {}),
    matchConditions: webhook.matchConditions ?? [],
    ignoreFailure: webhook.failurePolicy === "Ignore",
    reinvocable: (webhook as MutatingWebhook).reinvocationPolicy === "IfNeeded",
    sideEffects: webhook.sideEffects,
    timeoutSeconds: webhook.timeoutSeconds ?? 10,
    reviewVersion: known as CompiledWebhook["reviewVersion"],
    endpoint: () => remoteOf(webhook.clientConfig, resolver),
  };
}
