// serviceaccounts/NAME/token: tokens for service accounts, bound to what they are for.
import { nodes, pods, secrets, serviceAccounts } from "@knots/api/core/v1";
import {
  formatTime,
  newBadRequest,
  newConflict,
  newInvalid,
  newNotFound,
  type KubeObject,
  tableOf,
  type ResourceType,
} from "@knots/machinery";
import type { SpecialHandler } from "../http/handlers/resource-router.ts";
import { operationOf } from "../http/handlers/write.ts";
import { writeOptions } from "../http/options.ts";
import type { SecurityDependencies } from "../security.ts";
import { readReview, sendReview } from "./review-body.ts";
import type { ServiceAccountTokens, TokenRequest } from "./service-account-tokens.ts";

interface Review extends KubeObject {
  spec?: Record<string, unknown>;
}

type Dependencies = SecurityDependencies & { readonly tokens: ServiceAccountTokens };

interface BoundObject {
  kind?: string;
  name?: string;
  uid?: string;
}

/** serviceaccounts/NAME/token: a TokenRequest answered with a token. */
export function tokenRequest(deps: Dependencies): SpecialHandler {
  return async (ctx) => {
    const { namespace, name } = ctx.info;
    const account = deps.registry.get(serviceAccounts, namespace, name);
    if (account === undefined) throw newNotFound({ group: "", resource: "serviceaccounts" }, name);
    const kind = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };
    const sent = (await readReview(deps, ctx, kind)) as Review;
    const op = operationOf(deps.handlers, ctx, writeOptions(ctx, "CreateOptions"), "CreateOptions");
    const request = (await deps.registry
      .storageFor(serviceAccounts)
      .admitCreate(op, namespace, name, sent, kind)) as Review;
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

/** What a token may be bound to, by kind. */
const BINDABLE: Readonly<Record<string, ResourceType>> = tableOf({ Pod: pods, Secret: secrets, Node: nodes });

function boundObject(
  deps: Dependencies,
  namespace: string,
  reference: BoundObject | undefined,
): Pick<TokenRequest, "pod" | "secret" | "node"> {
  if (reference?.kind === undefined) return {};
  const of = BINDABLE[reference.kind];
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
