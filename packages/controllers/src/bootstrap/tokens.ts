import { secrets } from "@knots/api/core/v1";
import type { Secret } from "@knots/api/core/v1";
import type { Informer, InformerFactory } from "@knots/client";
import { BOOTSTRAP_TOKEN_NAMESPACE, BOOTSTRAP_TOKEN_TYPE } from "@knots/machinery";

/** The Secrets of bootstrap tokens, and no others: the rest of the namespace's are none of these controllers' business. */
export function bootstrapTokens(informers: InformerFactory): Informer<Secret> {
  return informers.informer(secrets, {
    namespace: BOOTSTRAP_TOKEN_NAMESPACE,
    fieldSelector: `type=${BOOTSTRAP_TOKEN_TYPE}`,
  });
}
