// Reviews: objects that are answered and not kept (authentication.k8s.io, authorization.k8s.io), and tokens for service accounts.
import type { TokenReview } from "@knots/api/authentication/v1";
import { formatTime, newBadRequest, StatusError } from "@knots/machinery";
import type { SpecialHandler } from "../http/handlers/resource-router.ts";
import type { SecurityDependencies } from "../security.ts";
import { accessReviewHandlers } from "./access-reviews.ts";
import { admitReview, sendReview } from "./review-body.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";
import { tokenRequest } from "./token-requests.ts";
import type { Authenticator, Authorizer, UserInfo } from "./types.ts";

export interface ReviewDependencies extends SecurityDependencies {
  readonly authenticator: Authenticator & {
    verifyToken(
      token: string,
      audiences: readonly string[],
    ): Promise<{ user: UserInfo; audiences: readonly string[] } | undefined>;
  };
  readonly authorizer: Authorizer;
  readonly tokens: ServiceAccountTokens;
}

export function reviewHandlers(deps: ReviewDependencies): Map<string, SpecialHandler> {
  return new Map<string, SpecialHandler>([
    ...accessReviewHandlers(deps),
    ["create selfsubjectreviews.authentication.k8s.io", selfReview(deps)],
    ["create tokenreviews.authentication.k8s.io", tokenReview(deps)],
    ["create serviceaccounts/token", tokenRequest(deps)],
  ]);
}

function userFields(user: UserInfo): Record<string, unknown> {
  return {
    username: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
  };
}

function selfReview(deps: ReviewDependencies): SpecialHandler {
  return async (ctx) => {
    const { kind, apiVersion } = await admitReview(deps, ctx, "SelfSubjectReview", () => undefined);
    const creationTimestamp = formatTime(new Date(deps.clock.now()));
    const status = { userInfo: userFields(ctx.user) };
    sendReview(deps, ctx, { kind, apiVersion, metadata: { creationTimestamp }, status });
  };
}

function tokenReview(deps: ReviewDependencies): SpecialHandler {
  return async (ctx) => {
    const review = (await admitReview(deps, ctx, "TokenReview", (admitted) => {
      if (((admitted as TokenReview).spec?.token ?? "") === "")
        throw newBadRequest("token is required for TokenReview in authentication");
    })) as TokenReview;
    const { token, audiences = [] } = review.spec;
    const status = await tokenStatus(deps, token, audiences.length === 0 ? deps.tokens.audiences : audiences);
    sendReview(deps, ctx, { ...review, metadata: review.metadata ?? {}, status });
  };
}

async function tokenStatus(
  { authenticator }: ReviewDependencies,
  token: string,
  audiences: readonly string[],
): Promise<TokenReview["status"] | Record<string, unknown>> {
  const refused = { authenticated: false, user: {}, error: "invalid bearer token" };
  try {
    const found = await authenticator.verifyToken(token, audiences);
    if (found === undefined) return refused;
    return { authenticated: true, user: userFields(found.user), audiences: found.audiences };
  } catch (error) {
    if (error instanceof StatusError && error.code === 401) return refused;
    throw error;
  }
}
