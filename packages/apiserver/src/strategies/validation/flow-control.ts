// Rules of flowcontrol.apiserver.k8s.io (upstream: pkg/apis/flowcontrol/validation), with its words.
import type {
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from "@knots/api/flowcontrol/v1";
import { EXEMPT, MANDATORY_LEVELS, MANDATORY_SCHEMAS } from "../../flowcontrol/defaults.ts";
import { deepEqual } from "../../registry/metadata.ts";
import { FieldPath, forbidden, invalid, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import { oneOf } from "./numbers.ts";

const SPEC = FieldPath.root("spec");
const VERBS = [
  "*",
  "create",
  "delete",
  "deletecollection",
  "get",
  "head",
  "list",
  "options",
  "patch",
  "post",
  "proxy",
  "put",
  "update",
  "watch",
];
const MAX_QUEUES = 10_000_000;
/** A hand is dealt from a hash of 64 bits. */
const MAX_ENTROPY_BITS = 60;

export function validateFlowSchema(schema: FlowSchema): FieldError[] {
  const errors: FieldError[] = [];
  const name = schema.metadata?.name ?? "";
  const fixed = MANDATORY_SCHEMAS.find(({ metadata }) => metadata?.name === name);
  if (fixed !== undefined && !deepEqual(fixed.spec, schema.spec)) {
    errors.push(invalid(SPEC, schema.spec, `spec of '${name}' must equal the fixed value`));
  }
  const {
    matchingPrecedence: precedence = 0,
    distinguisherMethod,
    priorityLevelConfiguration,
    rules,
  } = schema.spec ?? {};
  const at = SPEC.child("matchingPrecedence");
  if (precedence <= 0) errors.push(invalid(at, precedence, "must be a positive value"));
  if (precedence > 10_000) errors.push(invalid(at, precedence, "must not be greater than 10000"));
  if (precedence === 1 && name !== EXEMPT) {
    errors.push(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  if (distinguisherMethod !== undefined) {
    oneOf(distinguisherMethod.type, ["ByNamespace", "ByUser"], SPEC.child("distinguisherMethod").child("type"), errors);
  }
  if (!priorityLevelConfiguration?.name) {
    errors.push(required(SPEC.child("priorityLevelConfiguration").child("name"), "must reference a priority level"));
  }
  (rules ?? []).forEach((rule, i) => validateRule(rule, SPEC.child("rules").index(i), errors));
  return errors;
}

function validateRule(rule: PolicyRulesWithSubjects, path: FieldPath, errors: FieldError[]): void {
  const { subjects, resourceRules = [], nonResourceRules = [] } = rule;
  if (subjects.length === 0) errors.push(required(path.child("subjects"), "subjects must contain at least one value"));
  subjects.forEach((subject, i) => validateSubject(subject, path.child("subjects").index(i), errors));
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    errors.push(required(path, "at least one of resourceRules and nonResourceRules has to be non-empty"));
  }
  resourceRules.forEach((each, i) => validateResourceRule(each, path.child("resourceRules").index(i), errors));
  nonResourceRules.forEach((each, i) => validatePathRule(each, path.child("nonResourceRules").index(i), errors));
}

const SUBJECT_FIELDS = { ServiceAccount: "serviceAccount", User: "user", Group: "group" } as const;

function validateSubject(subject: Subject, path: FieldPath, errors: FieldError[]): void {
  oneOf(subject.kind, Object.keys(SUBJECT_FIELDS), path.child("kind"), errors);
  if (!(subject.kind in SUBJECT_FIELDS)) return;
  for (const [kind, field] of Object.entries(SUBJECT_FIELDS)) {
    const value = subject[field];
    const at = path.child(field);
    if (kind !== subject.kind) {
      if (value !== undefined) errors.push(forbidden(at, `${field} is forbidden when subject kind is not '${kind}'`));
    } else if (value === undefined) errors.push(required(at, `${field} is required when subject kind is '${kind}'`));
    else if (!value.name) errors.push(required(at.child("name"), ""));
    else if ("namespace" in value && !value.namespace) {
      errors.push(required(at.child("namespace"), "must specify namespace for service account"));
    }
  }
}

function validateResourceRule(rule: ResourcePolicyRule, path: FieldPath, errors: FieldError[]): void {
  validateVerbs(rule.verbs, path, errors);
  list(
    rule.apiGroups,
    path.child("apiGroups"),
    "resource rules must supply at least one api group",
    "api groups",
    errors,
  );
  list(
    rule.resources,
    path.child("resources"),
    "resource rules must supply at least one resource",
    "resources",
    errors,
  );
  const namespaces = path.child("namespaces");
  if (!rule.namespaces?.length && rule.clusterScope !== true) {
    errors.push(required(namespaces, "resource rules that are not cluster scoped must supply at least one namespace"));
  } else if (rule.namespaces?.length) list(rule.namespaces, namespaces, "", "namespaces", errors);
}

function validatePathRule(rule: NonResourcePolicyRule, path: FieldPath, errors: FieldError[]): void {
  validateVerbs(rule.verbs, path, errors);
  const at = path.child("nonResourceURLs");
  list(rule.nonResourceURLs, at, "nonResourceURLs must contain at least one value", "non-resource URLs", errors);
  (rule.nonResourceURLs ?? []).forEach((url, i) => {
    const problem = url === "*" ? undefined : urlProblem(url);
    if (problem !== undefined) errors.push(invalid(at.index(i), url, problem));
  });
}

function urlProblem(url: string): string | undefined {
  if (url === "") return "must not be empty";
  if (url === "/") return undefined;
  if (!url.startsWith("/")) return "must start with slash";
  if (url.includes(" ")) return "must not contain white-space";
  if (url.includes("//")) return "must not contain double slash";
  return /\*(?!$)|[^/]\*$/.test(url) ? "wildcards can only do suffix matching" : undefined;
}

function validateVerbs(verbs: readonly string[] | undefined, path: FieldPath, errors: FieldError[]): void {
  const at = path.child("verbs");
  list(verbs, at, "verbs must contain at least one value", "verbs", errors);
  if (verbs?.length && !verbs.includes("*")) verbs.forEach((verb) => oneOf(verb, VERBS, at, errors));
}

/** A list that may not be empty, and in which "*" stands alone. */
function list(
  values: readonly string[] | undefined,
  path: FieldPath,
  whenEmpty: string,
  what: string,
  errors: FieldError[],
): void {
  if (!values?.length) errors.push(required(path, whenEmpty));
  else if (values.length > 1 && values.includes("*")) {
    errors.push(invalid(path, values, `if '*' is present, must not specify other ${what}`));
  }
}

export function validatePriorityLevel(configuration: PriorityLevelConfiguration): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = configuration;
  checkFixedLevel(configuration, errors);
  oneOf(spec?.type, ["Exempt", "Limited"], SPEC.child("type"), errors);
  const limited = SPEC.child("limited");
  if (spec?.type === "Exempt") {
    if (spec.limited) errors.push(forbidden(limited, "must be nil if the type is not Limited"));
    if (spec.exempt) validateShares(spec.exempt, SPEC.child("exempt"), errors);
  }
  if (spec?.type === "Limited") {
    if (spec.exempt) errors.push(forbidden(SPEC.child("exempt"), "must be nil if the type is Limited"));
    if (!spec.limited) errors.push(required(limited, "must not be empty when type is Limited"));
    else validateLimited(spec.limited, limited, errors);
  }
  return errors;
}

/** Of the mandatory levels only the shares of `exempt` may be chosen. */
function checkFixedLevel({ metadata, spec }: PriorityLevelConfiguration, errors: FieldError[]): void {
  const name = metadata?.name ?? "";
  const fixed = MANDATORY_LEVELS.find((level) => level.metadata?.name === name)?.spec;
  if (fixed === undefined) return;
  const isExempt = name === EXEMPT;
  const { exempt: _, ...rest } = fixed;
  const { exempt: __, ...given } = spec ?? { type: "" };
  if (isExempt ? deepEqual(rest, given) : deepEqual(fixed, spec)) return;
  const except = isExempt ? " except the 'spec.exempt' field" : "";
  errors.push(invalid(SPEC, spec, `spec of '${name}'${except} must equal the fixed value`));
}

function validateShares(
  shares: { readonly nominalConcurrencyShares?: number; readonly lendablePercent?: number },
  path: FieldPath,
  errors: FieldError[],
): void {
  const { nominalConcurrencyShares: nominal = 0, lendablePercent: lendable = 0 } = shares;
  if (nominal < 0) {
    errors.push(invalid(path.child("nominalConcurrencyShares"), nominal, "must be a non-negative integer"));
  }
  if (lendable < 0 || lendable > 100) {
    errors.push(invalid(path.child("lendablePercent"), lendable, "must be between 0 and 100, inclusive"));
  }
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, path: FieldPath, errors: FieldError[]): void {
  validateShares(limited, path, errors);
  const { borrowingLimitPercent: borrowing, limitResponse } = limited;
  if (borrowing !== undefined && borrowing < 0) {
    errors.push(
      invalid(path.child("borrowingLimitPercent"), borrowing, "if specified, must be a non-negative integer"),
    );
  }
  const at = path.child("limitResponse");
  const queuing = at.child("queuing");
  oneOf(limitResponse?.type, ["Queue", "Reject"], at.child("type"), errors);
  if (limitResponse?.type === "Reject" && limitResponse.queuing) {
    errors.push(forbidden(queuing, "must be nil if limited.limitResponse.type is not Limited"));
  }
  if (limitResponse?.type !== "Queue") return;
  if (!limitResponse.queuing) {
    errors.push(required(queuing, "must not be empty if limited.limitResponse.type is Limited"));
  } else validateQueuing(limitResponse.queuing, queuing, errors);
}

function validateQueuing(queuing: QueuingConfiguration, path: FieldPath, errors: FieldError[]): void {
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing;
  if (queueLengthLimit <= 0) errors.push(invalid(path.child("queueLengthLimit"), queueLengthLimit, "must be positive"));
  const atQueues = path.child("queues");
  if (queues <= 0) errors.push(invalid(atQueues, queues, "must be positive"));
  else if (queues > MAX_QUEUES) errors.push(invalid(atQueues, queues, `must not be greater than ${MAX_QUEUES}`));
  const atHand = path.child("handSize");
  if (handSize <= 0) errors.push(invalid(atHand, handSize, "must be positive"));
  else if (handSize > queues) {
    errors.push(invalid(atHand, handSize, `should not be greater than queues (${queues})`));
  } else if (entropyBits(queues, handSize) > MAX_ENTROPY_BITS) {
    errors.push(
      invalid(
        atHand,
        handSize,
        `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${MAX_ENTROPY_BITS}`,
      ),
    );
  }
}

/** Bits that choose among all ordered hands. */
function entropyBits(deckSize: number, handSize: number): number {
  let bits = 0;
  for (let i = 0; i < handSize; i++) bits += Math.log2(deckSize - i);
  return Math.ceil(bits);
}
