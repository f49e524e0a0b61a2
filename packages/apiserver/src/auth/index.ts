// Who is it, and may they: the parts of the handler chain before the registry.
import type { SpecialHandler } from "../http/handlers/resource-router.ts";
import type { PathHandler } from "../http/non-resource.ts";
import { sendExactly } from "../http/respond.ts";
import { checkRead } from "../http/restful.ts";
import type { SecurityDependencies } from "../security.ts";
import type { Secret } from "@knots/api/core/v1";
import { secrets } from "@knots/api/core/v1";
import { formatTime } from "@knots/machinery";
import { RequestAuthenticator } from "./authenticator.ts";
import { authorizerOf } from "./authorizer.ts";
import { LAST_USED } from "./legacy-tokens.ts";
import { reviewHandlers } from "./reviews.ts";
import { ServiceAccountTokens } from "./service-account-tokens.ts";
import type { Authenticator, Authorizer } from "./types.ts";

export { createImpersonator } from "./impersonation.ts";

const DEFAULT_ISSUER = "https://kubernetes.default.svc.cluster.local";

/** One set of tokens a server: what signs is what verifies. */
const tokensOf = new WeakMap<SecurityDependencies["registry"], ServiceAccountTokens>();

function tokens(deps: SecurityDependencies): ServiceAccountTokens {
  let made = tokensOf.get(deps.registry);
  if (made === undefined) {
    const issuer = deps.options.serviceAccountIssuer ?? DEFAULT_ISSUER;
    made = new ServiceAccountTokens({
      keyPem: deps.certificates.serviceAccountKey,
      issuer,
      audiences: deps.options.apiAudiences ?? [issuer],
      objects: deps.registry,
      clock: deps.clock,
      usedLegacy: (secret) => noteUse(deps, secret),
    });
    tokensOf.set(deps.registry, made);
  }
  return made;
}

/** Writes the day of its last use on a Secret, once a day: those never used can be cleaned up. */
function noteUse({ registry, clock, logger }: SecurityDependencies, secret: Secret): void {
  const today = formatTime(new Date(clock.now())).slice(0, 10);
  if (secret.metadata?.labels?.[LAST_USED] === today) return;
  const { name = "", namespace = "" } = secret.metadata ?? {};
  registry
    .storageFor(secrets)
    .update(registry.system(), {
      namespace,
      name,
      forceUnconditional: true,
      retryOnConflict: true,
      transform(current) {
        const next = structuredClone(current) as Secret;
        next.metadata = { ...next.metadata, labels: { ...next.metadata?.labels, [LAST_USED]: today } };
        return next;
      },
    })
    .catch((error: unknown) => logger.warn({ err: error, secret: name }, "cannot note the use of a token"));
}

export async function createAuthenticator(deps: SecurityDependencies): Promise<Authenticator> {
  return await Promise.resolve(new RequestAuthenticator(deps, tokens(deps)));
}

export function createAuthorizer(deps: SecurityDependencies): Authorizer {
  return authorizerOf(deps.options.authorizationModes ?? ["Node", "RBAC"], deps.registry);
}

export function securityHandlers(
  deps: SecurityDependencies & { authenticator: Authenticator; authorizer: Authorizer },
): {
  special: ReadonlyMap<string, SpecialHandler>;
  paths: ReadonlyMap<string, PathHandler>;
} {
  const issuing = tokens(deps);
  const json =
    (contentType: string, document: () => Promise<object>): PathHandler =>
    async (ctx) => {
      checkRead(ctx.request, [contentType]);
      ctx.response.setHeader("cache-control", "public, max-age=3600");
      const bytes = Buffer.from(JSON.stringify(await document()));
      sendExactly(ctx.request, ctx.response, 200, contentType, bytes);
    };
  return {
    special: reviewHandlers({ ...deps, authenticator: deps.authenticator as RequestAuthenticator, tokens: issuing }),
    paths: new Map<string, PathHandler>([
      ["/openid/v1/jwks", json("application/jwk-set+json", () => issuing.jwks())],
      [
        "/.well-known/openid-configuration",
        json(
          "application/json",
          async () =>
            await Promise.resolve({
              issuer: issuing.issuer,
              jwks_uri: `https://${deps.address().host}:${deps.address().port}/openid/v1/jwks`,
              response_types_supported: ["id_token"],
              subject_types_supported: ["public"],
              id_token_signing_alg_values_supported: [issuing.algorithm],
            }),
        ),
      ],
    ]),
  };
}
