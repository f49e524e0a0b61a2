// Reviews: objects that are answered and not kept (authentication.k8s.io, authorization.k8s.io), and tokens for service accounts.
import {
  formatTime,
  newBadRequest,
  newConflict,
  newInvalid,
  newNotFound,
  StatusError,
  type KubeObject,
  type ResourceType,
} from "@knots/machinery";
import type { SecurityDependencies } from "../security.ts";
import type { SpecialHandler } from "../http/handlers/resource-router.ts";
import { writeOptions } from "../http/options.ts";
import { operationOf } from "../http/handlers/write.ts";
import { readReview, sendReview } from "./review-body.ts";
import type { ServiceAccountTokens, TokenRequest } from "./service-account-tokens.ts";
import type { Attributes, Authorizer, Authenticator, UserInfo } from "./types.ts";
import { Rbac } from "./rbac.ts";

interface Review extends KubeObject {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

export interface ReviewDependencies extends SecurityDependencies {
  readonly authenticator: Authenticator & {
    verifyToken(
      token: string,
      audiences?: readonly string[],
    ): Promise<{ user: UserInfo; audiences?: readonly string[] } | undefined>;
  };
  readonly authorizer: Authorizer;
  readonly tokens: ServiceAccountTokens;
}

interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  name?: string;
}

/** A text field of a review, the empty text when absent. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function attributesFor(user: UserInfo, spec: Record<string, unknown>, namespace?: string): Attributes {
  const resource = spec["resourceAttributes"] as ResourceAttributes | undefined;
  const other = spec["nonResourceAttributes"] as { path?: string; verb?: string } | undefined;
  if ((resource === undefined) === (other === undefined))
    throw newBadRequest("exactly one of resourceAttributes or nonResourceAttributes must be specified");
  return {
    user,
    verb: resource?.verb ?? other?.verb ?? "",
    namespace: namespace ?? resource?.namespace ?? "",
    apiGroup: resource?.group ?? "",
    apiVersion: resource?.version ?? "*",
    resource: resource?.resource ?? "",
    subresource: resource?.subresource ?? "",
    name: resource?.name ?? "",
    resourceRequest: resource !== undefined,
    path: other?.path ?? "",
  };
}

async function accessStatus(authorizer: Authorizer, attributes: Attributes): Promise<Record<string, unknown>> {
  const decision = await authorizer.authorize(attributes);
  return {
    allowed: decision.allowed === "allow",
    ...(decision.allowed === "deny" ? { denied: true } : {}),
    ...(decision.reason === "" ? {} : { reason: decision.reason }),
  };
}

function userFields(user: UserInfo): Record<string, unknown> {
  return {
    username: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
  };
}

const type = (resource: string, kind: string, namespaced = true): ResourceType => ({
  group: "",
  version: "v1",
  resource,
  kind,
  namespaced,
});
const SERVICE_ACCOUNTS = type("serviceaccounts", "ServiceAccount");

export function reviewHandlers(deps: ReviewDependencies): Map<string, SpecialHandler> {
  const review =
    (
      status: (spec: Record<string, unknown>, user: UserInfo, namespace: string) => Promise<Record<string, unknown>>,
    ): SpecialHandler =>
    async (ctx) => {
      const object = (await readReview(deps, ctx)) as Review;
      sendReview(deps, ctx, {
        ...object,
        metadata: object.metadata ?? {},
        status: await status(object.spec ?? {}, ctx.user, ctx.info.namespace),
      });
    };
  const subjectOf = (spec: Record<string, unknown>): UserInfo => {
    const groups = (spec["groups"] as string[] | undefined) ?? [];
    const name = (spec["user"] as string | undefined) ?? "";
    if (name === "" && groups.length === 0) throw newBadRequest("at least one of user or group must be specified");
    return { name, groups };
  };
  return new Map<string, SpecialHandler>([
    [
      "create selfsubjectaccessreviews.authorization.k8s.io",
      review(async (spec, user) => await accessStatus(deps.authorizer, attributesFor(user, spec))),
    ],
    [
      "create subjectaccessreviews.authorization.k8s.io",
      review(async (spec) => await accessStatus(deps.authorizer, attributesFor(subjectOf(spec), spec))),
    ],
    [
      "create localsubjectaccessreviews.authorization.k8s.io",
      review(
        async (spec, _user, namespace) =>
          await accessStatus(deps.authorizer, attributesFor(subjectOf(spec), spec, namespace)),
      ),
    ],
    [
      "create selfsubjectrulesreviews.authorization.k8s.io",
      review(async (spec, user) => await Promise.resolve(rulesStatus(deps, user, textOf(spec["namespace"])))),
    ],
    [
      "create selfsubjectreviews.authentication.k8s.io",
      review(async (_spec, user) => await Promise.resolve({ userInfo: userFields(user) })),
    ],
    [
      "create tokenreviews.authentication.k8s.io",
      review(async (spec) => {
        const audiences = spec["audiences"] as string[] | undefined;
        try {
          const found = await deps.authenticator.verifyToken(textOf(spec["token"]), audiences);
          if (found === undefined) return { authenticated: false, error: "invalid bearer token" };
          return {
            authenticated: true,
            user: userFields(found.user),
            audiences: found.audiences ?? audiences ?? deps.tokens.audiences,
          };
        } catch (error) {
          if (error instanceof StatusError && error.code === 401)
            return { authenticated: false, error: "invalid bearer token" };
          throw error;
        }
      }),
    ],
    ["create serviceaccounts/token", tokenRequest(deps)],
  ]);
}

function rulesStatus(deps: ReviewDependencies, user: UserInfo, namespace: string): Record<string, unknown> {
  const resourceRules: unknown[] = [];
  const nonResourceRules: unknown[] = [];
  if (user.groups.includes("system:masters")) {
    resourceRules.push({ verbs: ["*"], apiGroups: ["*"], resources: ["*"] });
    nonResourceRules.push({ verbs: ["*"], nonResourceURLs: ["*"] });
  }
  for (const { rules } of new Rbac(deps.registry).rulesFor(user, namespace)) {
    for (const rule of rules) {
      if ((rule.nonResourceURLs?.length ?? 0) > 0)
        nonResourceRules.push({ verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs });
      else
        resourceRules.push({
          verbs: rule.verbs,
          apiGroups: rule.apiGroups,
          resources: rule.resources,
          ...(rule.resourceNames === undefined ? {} : { resourceNames: rule.resourceNames }),
        });
    }
  }
  return { resourceRules, nonResourceRules, incomplete: false };
}

interface BoundObject {
  kind?: string;
  name?: string;
  uid?: string;
}

/** serviceaccounts/NAME/token: a TokenRequest answered with a token. */
function tokenRequest(deps: ReviewDependencies): SpecialHandler {
  return async (ctx) => {
    const { namespace, name } = ctx.info;
    const account = deps.registry.get(SERVICE_ACCOUNTS, namespace, name);
    if (account === undefined) throw newNotFound({ group: "", resource: "serviceaccounts" }, name);
    const sent = (await readReview(deps, ctx)) as Review;
    const kind = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };
    const op = operationOf(deps.handlers, ctx, writeOptions(ctx, "CreateOptions"), "CreateOptions");
    const request = (await deps.registry
      .storageFor(SERVICE_ACCOUNTS)
      .admitCreate(
        op,
        namespace,
        name,
        { ...sent, apiVersion: "authentication.k8s.io/v1", kind: kind.kind },
        kind,
      )) as Review;
    const spec = request.spec ?? {};
    const expirationSeconds = (spec["expirationSeconds"] as number | undefined) ?? 3600;
    if (expirationSeconds < 600) {
      throw newInvalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, name, [
        {
          type: "FieldValueInvalid",
          field: "spec.expirationSeconds",
          badValue: expirationSeconds,
          detail: "may not specify a duration less than 10 minutes",
        },
      ]);
    }
    const asked = spec["audiences"] as string[] | undefined;
    const audiences = asked === undefined || asked.length === 0 ? deps.tokens.audiences : asked;
    const bound = boundObject(deps, namespace, spec["boundObjectRef"] as BoundObject | undefined);
    const { token, expires } = await deps.tokens.issue({ account, audiences, expirationSeconds, ...bound });
    sendReview(deps, ctx, {
      ...request,
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: { ...request.metadata, name, namespace },
      spec: { ...spec, audiences, expirationSeconds },
      status: { token, expirationTimestamp: formatTime(new Date(expires)) },
    });
  };
}

function boundObject(
  deps: ReviewDependencies,
  namespace: string,
  reference: BoundObject | undefined,
): Pick<TokenRequest, "pod" | "secret" | "node"> {
  if (reference?.kind === undefined) return {};
  const of = { Pod: type("pods", "Pod"), Secret: type("secrets", "Secret"), Node: type("nodes", "Node", false) }[
    reference.kind
  ];
  if (of === undefined) throw newBadRequest(`cannot bind token to a ${reference.kind} object`);
  const name = reference.name ?? "";
  const object = deps.registry.get(of, of.namespaced ? namespace : undefined, name);
  if (object === undefined) throw newNotFound({ group: "", resource: of.resource }, name);
  if (reference.uid !== undefined && reference.uid !== "" && reference.uid !== object.metadata?.uid) {
    throw newConflict(
      { group: "", resource: of.resource },
      name,
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return { [reference.kind.toLowerCase()]: object };
}
