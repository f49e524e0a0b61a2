import type { CustomResourceConversion } from "@knots/api/apiextensions/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, required } from "../field.ts";
import { oneOf } from "./numbers.ts";
import { validateCABundle, validateClientConfig } from "./webhook-client.ts";
import { validateReviewVersions } from "./webhooks.ts";

/** spec.conversion of a CustomResourceDefinition; paths are those of upstream's internal type. */
export function validateConversion(
  conversion: CustomResourceConversion | undefined,
  path: FieldPath,
  errors: FieldError[],
  known = true,
): void {
  if (conversion === undefined) return;
  const { strategy, webhook } = conversion;
  oneOf(strategy, ["None", "Webhook"], path.child("strategy"), errors);
  const config = path.child("webhookClientConfig");
  const versions = path.child("conversionReviewVersions");
  if (strategy !== "Webhook") {
    const why = "should not be set when strategy is not set to Webhook";
    if (webhook?.clientConfig !== undefined) errors.push(forbidden(config, why));
    if ((webhook?.conversionReviewVersions ?? []).length > 0) errors.push(forbidden(versions, why));
    return;
  }
  if (webhook?.clientConfig === undefined) errors.push(required(config, "required when strategy is set to Webhook"));
  else {
    validateClientConfig(webhook.clientConfig, config, errors);
    validateCABundle(webhook.clientConfig.caBundle, config.child("caBundle"), errors);
  }
  const reviews = webhook?.conversionReviewVersions ?? [];
  if (reviews.length === 0) errors.push(required(versions, ""));
  else validateReviewVersions(reviews, versions, errors, known);
}
