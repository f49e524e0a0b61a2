// Which FlowSchema a request belongs to: the schemas' rules compiled once, asked in order of precedence.
import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from "@knots/api/flowcontrol/v1";
import type { UserInfo } from "../auth/types.ts";
import type { RequestInfo } from "../http/request-info.ts";

/** What of a request decides its flow. */
export type RequestShape = Pick<
  RequestInfo,
  "isResourceRequest" | "verb" | "apiGroup" | "resource" | "subresource" | "namespace" | "path"
>;

export type Matcher = (user: UserInfo, request: RequestShape) => boolean;

/** Lower precedence first; equal ones by name. */
export function byPrecedence(a: FlowSchema, b: FlowSchema): number {
  const difference = (a.spec?.matchingPrecedence ?? 1000) - (b.spec?.matchingPrecedence ?? 1000);
  if (difference !== 0) return difference;
  return (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1;
}

export function compileSchema(schema: FlowSchema): Matcher {
  const rules = (schema.spec?.rules ?? []).map(compileRule);
  return (user, request) => rules.some((rule) => rule(user, request));
}

/** What tells the flows of one schema apart. */
export function distinguisherOf(schema: FlowSchema, user: UserInfo, request: RequestShape): string {
  const method = schema.spec?.distinguisherMethod?.type;
  return method === "ByUser" ? user.name : method === "ByNamespace" ? request.namespace : "";
}

function compileRule(rule: PolicyRulesWithSubjects): Matcher {
  const subjects = (rule.subjects ?? []).map(compileSubject);
  const resources = (rule.resourceRules ?? []).map(compileResourceRule);
  const paths = (rule.nonResourceRules ?? []).map(compilePathRule);
  return (user, request) =>
    subjects.some((matches) => matches(user)) &&
    (request.isResourceRequest ? resources : paths).some((matches) => matches(request));
}

function compileSubject(subject: Subject): (user: UserInfo) => boolean {
  const { kind, user, group, serviceAccount } = subject;
  if (kind === "User" && user !== undefined) {
    return user.name === "*" ? () => true : ({ name }) => name === user.name;
  }
  if (kind === "Group" && group !== undefined) {
    return group.name === "*" ? () => true : ({ groups }) => groups.includes(group.name);
  }
  if (kind === "ServiceAccount" && serviceAccount !== undefined) {
    const prefix = `system:serviceaccount:${serviceAccount.namespace}:`;
    if (serviceAccount.name === "*") return ({ name }) => name.startsWith(prefix);
    const wanted = `${prefix}${serviceAccount.name}`;
    return ({ name }) => name === wanted;
  }
  return () => false;
}

function compileResourceRule(rule: ResourcePolicyRule): (request: RequestShape) => boolean {
  const verbs = oneOf(rule.verbs);
  const apiGroups = oneOf(rule.apiGroups);
  const resources = oneOf(rule.resources);
  const namespaces = oneOf(rule.namespaces);
  const clusterScope = rule.clusterScope === true;
  return ({ verb, apiGroup, resource, subresource, namespace }) =>
    verbs(verb) &&
    apiGroups(apiGroup) &&
    resources(subresource === "" ? resource : `${resource}/${subresource}`) &&
    (namespace === "" ? clusterScope : namespaces(namespace));
}

function compilePathRule(rule: NonResourcePolicyRule): (request: RequestShape) => boolean {
  const verbs = oneOf(rule.verbs);
  const urls = (rule.nonResourceURLs ?? []).map((url) => {
    if (url === "*") return () => true;
    // "/healthz/*" means what is below; "/hea*" is no prefix.
    if (url.endsWith("/*")) return (path: string) => path.startsWith(url.slice(0, -1));
    return (path: string) => path === url;
  });
  return ({ verb, path }) => verbs(verb) && urls.some((matches) => matches(path));
}

function oneOf(values: readonly string[] | undefined): (value: string) => boolean {
  const set = new Set(values ?? []);
  return set.has("*") ? () => true : (value) => set.has(value);
}
