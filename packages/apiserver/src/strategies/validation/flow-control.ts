// Rules of flowcontrol.apiserver.k8s.io (upstream: pkg/apis/flowcontrol/validation), with its words.
import type {
  FlowSchema,
  LimitResponse,
  LimitedPriorityLevelConfiguration,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from "@knots/api/flowcontrol/v1";
import { EXEMPT, MANDATORY_LEVELS, MANDATORY_SCHEMAS } from "../../flowcontrol/defaults.ts";
import { semanticEqual } from "../equality.ts";
import { duplicate, FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import { validateStars } from "./star-list.ts";
import { invalidFor, nameIsDNSLabel, nameIsDNSSubdomain } from "./names.ts";

const SPEC = FieldPath.root("spec");
const CONDITIONS = FieldPath.root("status").child("conditions");
const DISTINGUISHERS = ["ByNamespace", "ByUser"];
const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const NAMESPACE_INTRO = "each member of this list must be '*' or a DNS-1123 label; ";
/** Of a version that is gone; a conversion took it off. */
const PRESERVE_ZERO = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
const MAX_QUEUES = 10_000_000;
/** A hand is dealt from a hash of 64 bits. */
const MAX_ENTROPY_BITS = 60;

export function validateFlowSchema(schema: FlowSchema): FieldError[] {
  const errors: FieldError[] = [];
  const name = schema.metadata?.name ?? "";
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
  if (distinguisherMethod !== undefined && !DISTINGUISHERS.includes(distinguisherMethod.type)) {
    // Upstream shows the whole method, which has no other field, as its internal type is.
    const shown = { Type: distinguisherMethod.type };
    errors.push(notSupported(SPEC.child("distinguisherMethod").child("type"), shown, DISTINGUISHERS));
  }
  const level = priorityLevelConfiguration?.name ?? "";
  const atLevel = SPEC.child("priorityLevelConfiguration").child("name");
  if (level === "") errors.push(required(atLevel, "must reference a priority level"));
  else invalidFor(nameIsDNSSubdomain(level, false), level, atLevel, errors);
  (rules ?? []).forEach((rule, i) => validateRule(rule, SPEC.child("rules").index(i), errors));
  const fixed = MANDATORY_SCHEMAS.find(({ metadata }) => metadata?.name === name);
  if (fixed !== undefined && !semanticEqual(fixed.spec, schema.spec)) {
    errors.push(invalid(SPEC, schema.spec, `spec of '${name}' must equal the fixed value`));
  }
  return errors;
}

/** Conditions of either kind: each has a type, and no two the same. */
export function validateFlowControlStatus({
  status,
}: {
  status?: { readonly conditions?: readonly { readonly type?: string }[] };
}): FieldError[] {
  const errors: FieldError[] = [];
  const types = new Set<string>();
  for (const [index, { type = "" }] of (status?.conditions ?? []).entries()) {
    const at = CONDITIONS.index(index).child("type");
    if (types.has(type)) errors.push(duplicate(at, type));
    types.add(type);
    if (type === "") errors.push(required(at, "must not be empty"));
  }
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

/** First what the kind names, then what it does not. */
function validateSubject(subject: Subject, path: FieldPath, errors: FieldError[]): void {
  if (!Object.hasOwn(SUBJECT_FIELDS, subject.kind)) {
    errors.push(notSupported(path.child("kind"), subject.kind, ["Group", "ServiceAccount", "User"]));
    return;
  }
  const field = SUBJECT_FIELDS[subject.kind as keyof typeof SUBJECT_FIELDS];
  const at = path.child(field);
  const named = subject[field];
  if (named === undefined) errors.push(required(at, `${field} is required when subject kind is '${subject.kind}'`));
  else if (!named.name) errors.push(required(at.child("name"), ""));
  if (field === "serviceAccount" && subject.serviceAccount !== undefined) {
    const { name, namespace } = subject.serviceAccount;
    if (name !== "" && name !== "*") invalidFor(nameIsDNSSubdomain(name, false), name, at.child("name"), errors);
    const where = at.child("namespace");
    if (namespace === "") errors.push(required(where, "must specify namespace for service account"));
    else invalidFor(nameIsDNSLabel(namespace, false), namespace, where, errors);
  }
  for (const [kind, other] of Object.entries(SUBJECT_FIELDS))
    if (other !== field && subject[other] !== undefined)
      errors.push(forbidden(path.child(other), `${other} is forbidden when subject kind is not '${kind}'`));
}

function validateResourceRule(rule: ResourcePolicyRule, path: FieldPath, errors: FieldError[]): void {
  const { verbs, apiGroups, resources, namespaces = [], clusterScope = false } = rule;
  validateVerbs(verbs, path, errors);
  const atGroups = path.child("apiGroups");
  validateStars(apiGroups, atGroups, "api groups", errors, "resource rules must supply at least one api group");
  const atResources = path.child("resources");
  validateStars(resources, atResources, "resources", errors, "resource rules must supply at least one resource");
  const at = path.child("namespaces");
  if (namespaces.length === 0 && !clusterScope) {
    errors.push(required(at, "resource rules that are not cluster scoped must supply at least one namespace"));
  } else if (namespaces.includes("*")) validateStars(namespaces, at, "namespaces", errors, "");
  else {
    for (const [index, namespace] of namespaces.entries())
      for (const message of nameIsDNSLabel(namespace, false))
        errors.push(invalid(at.index(index), namespace, NAMESPACE_INTRO + message));
  }
}

function validatePathRule(rule: NonResourcePolicyRule, path: FieldPath, errors: FieldError[]): void {
  validateVerbs(rule.verbs, path, errors);
  const { nonResourceURLs: urls } = rule;
  const at = path.child("nonResourceURLs");
  validateStars(urls, at, "non-resource URLs", errors, "nonResourceURLs must contain at least one value");
  if (urls.includes("*")) return;
  urls.forEach((url, i) => {
    const problem = urlProblem(url);
    if (problem !== undefined) errors.push(invalid(at.index(i), url, problem));
  });
}

function urlProblem(url: string): string | undefined {
  if (url === "") return "must not be empty";
  if (url === "/") return undefined;
  if (!url.startsWith("/")) return "must start with slash";
  if (url.includes(" ")) return "must not contain white-space";
  if (url.includes("//")) return "must not contain double slash";
  return /\*(?!$)|[^/]\*$/.test(url) ? "wildcard can only do suffix matching" : undefined;
}

function validateVerbs(verbs: readonly string[] | undefined, path: FieldPath, errors: FieldError[]): void {
  const at = path.child("verbs");
  validateStars(verbs, at, "verbs", errors, "verbs must contain at least one value");
  if (verbs?.length && !verbs.includes("*") && !verbs.every((verb) => VERBS.includes(verb)))
    errors.push(notSupported(at, verbs, VERBS));
}

export function validatePriorityLevel(configuration: PriorityLevelConfiguration): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata, spec } = configuration;
  if (metadata?.annotations?.[PRESERVE_ZERO] !== undefined) {
    const at = FieldPath.root("metadata").child("annotations");
    errors.push(forbidden(at, `annotation '${PRESERVE_ZERO}' is forbidden`));
  }
  const type = spec?.type ?? "";
  const atType = SPEC.child("type");
  if ((metadata?.name === EXEMPT) !== (type === "Exempt"))
    errors.push(invalid(atType, type, "must be 'Exempt' if and only if `name` is 'exempt'"));
  const limited = SPEC.child("limited");
  if (type === "Exempt") {
    if (spec?.limited) errors.push(forbidden(limited, "must be nil if the type is not Limited"));
    if (spec?.exempt) {
      validateNominal(spec.exempt, SPEC.child("exempt"), errors);
      validateLendable(spec.exempt, SPEC.child("exempt"), errors);
    }
  } else if (type === "Limited") {
    if (spec?.exempt) errors.push(forbidden(SPEC.child("exempt"), "must be nil if the type is Limited"));
    if (!spec?.limited) errors.push(required(limited, "must not be empty when type is Limited"));
    else validateLimited(spec.limited, limited, errors);
  } else errors.push(notSupported(atType, type, ["Exempt", "Limited"]));
  checkFixedLevel(configuration, errors);
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
  if (isExempt ? semanticEqual(rest, given) : semanticEqual(fixed, spec)) return;
  const except = isExempt ? " except the 'spec.exempt' field" : "";
  errors.push(invalid(SPEC, spec, `spec of '${name}'${except} must equal the fixed value`));
}

interface Shares {
  readonly nominalConcurrencyShares?: number;
  readonly lendablePercent?: number;
}

function validateNominal(
  { nominalConcurrencyShares: shares = 0 }: Shares,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (shares < 0)
    errors.push(invalid(path.child("nominalConcurrencyShares"), shares, "must be a non-negative integer"));
}

function validateLendable({ lendablePercent: percent = 0 }: Shares, path: FieldPath, errors: FieldError[]): void {
  if (percent < 0 || percent > 100)
    errors.push(invalid(path.child("lendablePercent"), percent, "must be between 0 and 100, inclusive"));
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, path: FieldPath, errors: FieldError[]): void {
  validateNominal(limited, path, errors);
  validateLimitResponse(limited.limitResponse, path.child("limitResponse"), errors);
  validateLendable(limited, path, errors);
  const { borrowingLimitPercent: borrowing } = limited;
  if (borrowing !== undefined && borrowing < 0) {
    errors.push(
      invalid(path.child("borrowingLimitPercent"), borrowing, "if specified, must be a non-negative integer"),
    );
  }
}

function validateLimitResponse(response: LimitResponse | undefined, path: FieldPath, errors: FieldError[]): void {
  const { type = "", queuing } = response ?? {};
  const at = path.child("queuing");
  if (type === "Reject") {
    if (queuing) errors.push(forbidden(at, "must be nil if limited.limitResponse.type is not Limited"));
  } else if (type === "Queue") {
    if (!queuing) errors.push(required(at, "must not be empty if limited.limitResponse.type is Limited"));
    else validateQueuing(queuing, at, errors);
  } else errors.push(notSupported(path.child("type"), type, ["Queue", "Reject"]));
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
