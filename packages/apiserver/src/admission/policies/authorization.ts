import { fieldSelectorAttribute, labelSelectorAttribute } from "../../auth/selectors.ts";
import type { Attributes, Authorizer, Decision, UserInfo } from "../../auth/types.ts";
import { CelError, CelObject, types } from "@knots/cel";
import type { CelType, Functions, Value } from "@knots/cel";
import { method } from "@knots/cel/functions";

const { BOOL, STRING, opaque } = types;

const NAME = "kubernetes.authorization";
export const AUTHORIZER = opaque<AuthorizerValue>(`${NAME}.Authorizer`);
export const PATH_CHECK = opaque<CheckValue>(`${NAME}.PathCheck`);
export const GROUP_CHECK = opaque<CheckValue>(`${NAME}.GroupCheck`);
export const RESOURCE_CHECK = opaque<CheckValue>(`${NAME}.ResourceCheck`);
export const DECISION = opaque<DecisionValue>(`${NAME}.Decision`);

/** The authorizer has to ask somebody else: evaluate again when the promise is settled. */
export class AuthorizationPending extends Error {
  override readonly name = "AuthorizationPending";
  readonly settled: Promise<void>;
  constructor(settled: Promise<void>) {
    super("waiting for the authorizer");
    this.settled = settled;
  }
}

type Outcome = Decision | { readonly error: string };

/** The authorizer with the decisions that it gave already; one of these serves one request. */
export class AuthorizationContext {
  readonly #authorizer: Authorizer;
  readonly #decisions = new Map<string, Outcome>();

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  decide(attributes: Attributes): Outcome {
    const key = JSON.stringify(attributes);
    const known = this.#decisions.get(key);
    if (known !== undefined) return known;
    const remember = (outcome: Outcome): Outcome => {
      this.#decisions.set(key, outcome);
      return outcome;
    };
    try {
      const answer = this.#authorizer.authorize(attributes);
      if (!(answer instanceof Promise)) return remember(answer);
      throw new AuthorizationPending(
        answer.then(
          (decision) => void remember(decision),
          (error: unknown) => void remember({ error: String(error) }),
        ),
      );
    } catch (error) {
      if (error instanceof AuthorizationPending) throw error;
      return remember({ error: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** Resource checks inherit what the request was about; `check` is what remains to be said. */
interface Request {
  readonly user: UserInfo;
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export class AuthorizerValue extends CelObject {
  readonly context: AuthorizationContext;
  readonly user: UserInfo;
  constructor(context: AuthorizationContext, user: UserInfo) {
    super();
    this.context = context;
    this.user = user;
  }
  get type(): CelType {
    return AUTHORIZER;
  }
  equals(other: Value): boolean {
    return other === this;
  }
  /** A check of a resource, to begin with. */
  resourceCheck(of: Omit<Request, "user" | "path">): CheckValue {
    return new CheckValue(RESOURCE_CHECK, this.context, { user: this.user, ...of });
  }
}

export class CheckValue extends CelObject {
  readonly #type: CelType;
  readonly context: AuthorizationContext;
  readonly request: Request;
  constructor(type: CelType, context: AuthorizationContext, request: Request) {
    super();
    this.#type = type;
    this.context = context;
    this.request = request;
  }
  get type(): CelType {
    return this.#type;
  }
  equals(other: Value): boolean {
    return other === this;
  }
  with(more: Partial<Request>): CheckValue {
    return new CheckValue(more.resource === undefined ? this.#type : RESOURCE_CHECK, this.context, {
      ...this.request,
      ...more,
    });
  }
  decide(verb: string): DecisionValue {
    const { user, path, group = "", resource = "", subresource = "", namespace = "", name = "" } = this.request;
    const { fieldSelector = "", labelSelector = "" } = this.request;
    return new DecisionValue(
      this.context.decide({
        user,
        verb,
        namespace,
        apiGroup: group,
        apiVersion: path === undefined ? "*" : "",
        resource,
        subresource,
        name,
        resourceRequest: path === undefined,
        path: path ?? "",
        ...(fieldSelector === "" ? {} : { fieldSelector: fieldSelectorAttribute(fieldSelector) }),
        ...(labelSelector === "" ? {} : { labelSelector: labelSelectorAttribute(labelSelector) }),
      }),
    );
  }
}

class DecisionValue extends CelObject {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super();
    this.outcome = outcome;
  }
  get type(): CelType {
    return DECISION;
  }
  equals(other: Value): boolean {
    return other === this;
  }
}

const error = ({ outcome }: DecisionValue): string => ("error" in outcome ? outcome.error : "");

function serviceAccount(authorizer: AuthorizerValue, namespace: string, name: string): AuthorizerValue {
  if (namespace === "" || name === "") throw new CelError("Invalid service account namespace or name");
  return new AuthorizerValue(authorizer.context, {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  });
}

export const authorization: Functions = {
  path: [
    method("authorizer_path", [AUTHORIZER, STRING], PATH_CHECK, ({ context, user }, path) => {
      if (path === "") throw new CelError("path must not be empty");
      return new CheckValue(PATH_CHECK, context, { user, path });
    }),
  ],
  group: [
    method(
      "authorizer_group",
      [AUTHORIZER, STRING],
      GROUP_CHECK,
      ({ context, user }, group) => new CheckValue(GROUP_CHECK, context, { user, group }),
    ),
  ],
  serviceAccount: [method("authorizer_serviceaccount", [AUTHORIZER, STRING, STRING], AUTHORIZER, serviceAccount)],
  resource: [
    method("groupcheck_resource", [GROUP_CHECK, STRING], RESOURCE_CHECK, (check, resource) => check.with({ resource })),
  ],
  subresource: [
    method("resourcecheck_subresource", [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, subresource) =>
      check.with({ subresource }),
    ),
  ],
  namespace: [
    method("resourcecheck_namespace", [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, namespace) =>
      check.with({ namespace }),
    ),
  ],
  name: [method("resourcecheck_name", [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, name) => check.with({ name }))],
  fieldSelector: [
    method("resourcecheck_fieldSelector", [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, fieldSelector) =>
      check.with({ fieldSelector }),
    ),
  ],
  labelSelector: [
    method("resourcecheck_labelSelector", [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, labelSelector) =>
      check.with({ labelSelector }),
    ),
  ],
  check: [
    method("pathcheck_check", [PATH_CHECK, STRING], DECISION, (check, verb) => check.decide(verb)),
    method("resourcecheck_check", [RESOURCE_CHECK, STRING], DECISION, (check, verb) => check.decide(verb)),
  ],
  errored: [method("decision_errored", [DECISION], BOOL, (decision) => error(decision) !== "")],
  error: [method("decision_error", [DECISION], STRING, error)],
  allowed: [
    method("decision_allowed", [DECISION], BOOL, ({ outcome }) => "allowed" in outcome && outcome.allowed === "allow"),
  ],
  reason: [method("decision_reason", [DECISION], STRING, ({ outcome }) => ("reason" in outcome ? outcome.reason : ""))],
};
