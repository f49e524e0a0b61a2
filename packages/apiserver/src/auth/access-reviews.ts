// authorization.k8s.io: may somebody do something? Answered by the same authorizer that answers for requests.
import type { SubjectAccessReviewSpec } from "@knots/api/authorization/v1";
import { newBadRequest, newInvalid } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { SpecialHandler } from "../http/handlers/resource-router.ts";
import type { SecurityDependencies } from "../security.ts";
import { admitReview, sendReview } from "./review-body.ts";
import { validateAccessReview } from "./review-validation.ts";
import type { AccessReviewKind } from "./review-validation.ts";
import { Rbac } from "./rbac.ts";
import { nodeNameOf } from "./node-authorizer.ts";
import { selectorsOfReview } from "./selectors.ts";
import type { Attributes, Authorizer, UserInfo } from "./types.ts";

const GROUP = "authorization.k8s.io";

type Dependencies = SecurityDependencies & { readonly authorizer: Authorizer };

export function accessReviewHandlers(deps: Dependencies): [string, SpecialHandler][] {
  const review =
    (kind: AccessReviewKind): SpecialHandler =>
    async (ctx) => {
      const object = (await admitReview(deps, ctx, kind, (admitted) => {
        const errors = validateAccessReview(kind, admitted);
        if (errors.length > 0) throw newInvalid({ group: GROUP, kind }, "", errors);
      })) as KubeObject & { spec?: SubjectAccessReviewSpec };
      const user = kind === "SelfSubjectAccessReview" ? ctx.user : subjectOf(object.spec ?? {});
      const status = await accessStatus(deps.authorizer, attributesFor(user, object.spec ?? {}));
      sendReview(deps, ctx, { ...object, metadata: object.metadata ?? {}, status });
    };
  return [
    [`create selfsubjectaccessreviews.${GROUP}`, review("SelfSubjectAccessReview")],
    [`create subjectaccessreviews.${GROUP}`, review("SubjectAccessReview")],
    [`create localsubjectaccessreviews.${GROUP}`, review("LocalSubjectAccessReview")],
    [`create selfsubjectrulesreviews.${GROUP}`, rulesReview(deps)],
  ];
}

function subjectOf({ user = "", groups = [], uid, extra }: SubjectAccessReviewSpec): UserInfo {
  return {
    name: user,
    groups,
    ...(uid === undefined || uid === "" ? {} : { uid }),
    ...(extra === undefined ? {} : { extra }),
  };
}

function attributesFor(user: UserInfo, spec: SubjectAccessReviewSpec): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  const common = { user, verb: resource?.verb ?? other?.verb ?? "", path: other?.path ?? "" };
  const { namespace = "", group = "", version = "", subresource = "", name = "" } = resource ?? {};
  return {
    ...common,
    namespace,
    apiGroup: group,
    apiVersion: resource !== undefined && version === "" ? "*" : version,
    resource: resource?.resource ?? "",
    subresource,
    name,
    resourceRequest: resource !== undefined,
    ...(resource === undefined ? {} : selectorsOfReview(resource)),
  };
}

async function accessStatus(authorizer: Authorizer, attributes: Attributes): Promise<Record<string, unknown>> {
  const decision = await authorizer.authorize(attributes);
  const evaluationError = evaluationErrorOf(attributes);
  return {
    allowed: decision.allowed === "allow",
    ...(decision.allowed === "deny" ? { denied: true } : {}),
    ...(decision.reason === "" ? {} : { reason: decision.reason }),
    ...(evaluationError === "" ? {} : { evaluationError }),
  };
}

/** What of the selectors the decision did not look at. */
function evaluationErrorOf(attributes: Attributes): string {
  return (["fieldSelector", "labelSelector"] as const)
    .flatMap((name) => {
      const selector = attributes[name];
      if (selector?.error === undefined) return [];
      const partially = selector.requirements.length > 0 ? "partially " : "";
      return [`spec.resourceAttributes.${name} ${partially}ignored due to parse error`];
    })
    .join("; ");
}

function rulesReview(deps: Dependencies): SpecialHandler {
  return async (ctx) => {
    const object = (await admitReview(deps, ctx, "SelfSubjectRulesReview", (admitted) => {
      const { spec } = admitted as { spec?: { namespace?: string } };
      if ((spec?.namespace ?? "") === "") throw newBadRequest("no namespace on request");
    })) as KubeObject & { spec: { namespace: string } };
    const { kind, apiVersion } = object;
    const status = rulesStatus(deps, ctx.user, object.spec.namespace);
    sendReview(deps, ctx, { kind, apiVersion, metadata: {}, spec: {}, status });
  };
}

/** The rules that the authorizers which know rules hold for a user. */
function rulesStatus(deps: Dependencies, user: UserInfo, namespace: string): Record<string, unknown> {
  const resourceRules: unknown[] = [];
  const nonResourceRules: unknown[] = [];
  const modes = deps.options.authorizationModes ?? ["Node", "RBAC"];
  if (modes.includes("AlwaysAllow")) {
    resourceRules.push({ verbs: ["*"], apiGroups: ["*"], resources: ["*"] });
    nonResourceRules.push({ verbs: ["*"], nonResourceURLs: ["*"] });
  }
  const held = modes.includes("RBAC") ? new Rbac(deps.registry).rulesFor(user, namespace) : [];
  for (const { rules } of held) {
    for (const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } of rules) {
      if (nonResourceURLs.length > 0) nonResourceRules.push({ verbs, nonResourceURLs });
      else {
        const named = resourceNames.length === 0 ? {} : { resourceNames };
        resourceRules.push({ verbs, apiGroups, resources, ...named });
      }
    }
  }
  // What a node may do depends on its pods, which rules cannot say.
  const incomplete = modes.includes("Node") && nodeNameOf(user) !== undefined;
  return {
    resourceRules,
    nonResourceRules,
    incomplete,
    ...(incomplete ? { evaluationError: "node authorizer does not support user rule resolution" } : {}),
  };
}
