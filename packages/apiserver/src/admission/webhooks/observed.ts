import { newTimeout } from "@knots/machinery";
import type { AdmissionAttributes } from "../types.ts";
import type { CompiledWebhook } from "./configuration.ts";
import type { WebhookDependencies } from "./dependencies.ts";
import { CallingWebhookError } from "./errors.ts";
import type { WebhookType } from "./metrics.ts";

/** Runs one webhook's turn, and counts and times it. */
export async function observed<T>(
  { metrics, clock }: WebhookDependencies,
  type: WebhookType,
  webhook: CompiledWebhook,
  { operation }: AdmissionAttributes,
  turn: () => Promise<T>,
): Promise<T> {
  const { name, ignoreFailure } = webhook;
  const started = clock.monotonic();
  const done = (error: unknown): void =>
    metrics.observe({ name, type, operation, seconds: (clock.monotonic() - started) / 1000, ignoreFailure, error });
  try {
    const result = await turn();
    done(undefined);
    return result;
  } catch (error) {
    done(error);
    throw error;
  }
}

/**
 * A webhook that could not be asked is passed over. Throws Timeout when nobody waits for the request any more: there is no
 * point in asking the next.
 */
export function failOpen(
  { metrics, logger }: WebhookDependencies,
  type: WebhookType,
  webhook: CompiledWebhook,
  attributes: AdmissionAttributes,
  error: CallingWebhookError,
): void {
  if (attributes.signal?.().aborted === true) throw newTimeout("request did not complete within requested timeout", 0);
  metrics.failedOpen(webhook.name, type);
  logger.warn({ err: error, webhook: webhook.name }, "failed calling webhook, failing open");
}
