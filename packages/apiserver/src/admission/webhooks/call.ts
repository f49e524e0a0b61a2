import { randomUUID } from "node:crypto";
import { newBadRequest } from "@knots/machinery";
import { jsonObject } from "../../outbound/index.ts";
import type { OutboundClient } from "../../outbound/index.ts";
import type { AdmissionAttributes } from "../types.ts";
import type { CompiledWebhook } from "./configuration.ts";
import { CallingWebhookError, rejection } from "./errors.ts";
import { admissionReview, verifyReview } from "./review.ts";
import type { ReviewObjects, ReviewResult } from "./review.ts";
import type { RequestVersion } from "./versions.ts";

/** One webhook's turn. */
export interface Invocation {
  readonly webhook: CompiledWebhook;
  readonly attributes: AdmissionAttributes;
  readonly matched: RequestVersion;
  readonly requested: RequestVersion;
  readonly objects: ReviewObjects;
}

/**
 * Asks a webhook. Its annotations and warnings are kept whatever it says. Throws CallingWebhookError when it cannot be
 * asked, StatusError when it refuses, or when a dry run might have effects.
 */
export async function callWebhook(
  client: OutboundClient,
  { webhook, attributes, matched, requested, objects }: Invocation,
  mutating: boolean,
): Promise<ReviewResult> {
  const { name, sideEffects, reviewVersion, timeoutSeconds } = webhook;
  if (attributes.dryRun && sideEffects !== "None" && sideEffects !== "NoneOnDryRun")
    throw newBadRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  if (reviewVersion === undefined)
    throw new CallingWebhookError(
      name,
      "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
    );
  const uid = randomUUID();
  const review = admissionReview(reviewVersion, uid, attributes, matched, requested, objects);
  let answer: Record<string, unknown>;
  try {
    const { remote, path } = webhook.endpoint();
    const response = await client.send(remote, {
      method: "POST",
      path: `${path}?timeout=${timeoutSeconds}s`,
      headers: { "content-type": "application/json", accept: "application/json, */*" },
      body: Buffer.from(JSON.stringify(review)),
      timeoutMs: timeoutSeconds * 1000,
      // Nobody waits for the answer of a request whose client has gone.
      ...(attributes.signal === undefined ? {} : { signal: attributes.signal() }),
    });
    answer = jsonObject(response);
  } catch (error) {
    throw new CallingWebhookError(name, `failed to call webhook: ${(error as Error).message}`, { cause: error });
  }
  let result: ReviewResult;
  try {
    result = verifyReview(reviewVersion, uid, mutating, answer);
  } catch (error) {
    throw new CallingWebhookError(name, `received invalid webhook response: ${(error as Error).message}`);
  }
  for (const [key, value] of Object.entries(result.auditAnnotations)) attributes.annotate?.(`${name}/${key}`, value);
  for (const text of result.warnings) attributes.warn(text);
  if (!result.allowed) throw rejection(name, result.status);
  return result;
}
