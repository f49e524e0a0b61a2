// The audit policy: what is said of which requests. Parsed, checked and compiled once.
import { parse as parseYaml } from "yaml";
import type { UserInfo } from "../auth/types.ts";
import type { RequestInfo } from "../http/request-info.ts";
import { API_VERSION } from "./types.ts";
import type { Level, Stage } from "./types.ts";

const LEVELS: readonly string[] = ["None", "Metadata", "Request", "RequestResponse"];
const STAGES: readonly string[] = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];

interface PolicyDocument {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly rules?: readonly PolicyRule[] | null;
  readonly omitStages?: readonly string[];
  readonly omitManagedFields?: boolean;
}

interface PolicyRule {
  readonly level: string;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly {
    readonly group?: string;
    readonly resources?: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly string[];
  readonly omitManagedFields?: boolean;
}

const RULE_FIELDS = new Set([
  "level",
  "users",
  "userGroups",
  "verbs",
  "resources",
  "namespaces",
  "nonResourceURLs",
  "omitStages",
  "omitManagedFields",
]);

export interface Treatment {
  readonly level: Level;
  readonly omitStages: ReadonlySet<Stage>;
  readonly omitManagedFields: boolean;
}

/** `user` is undefined for requests that could not be authenticated. */
export type Policy = (user: UserInfo | undefined, info: RequestInfo) => Treatment;

const NOTHING: Treatment = { level: "None", omitStages: new Set(), omitManagedFields: false };

/** Reads a policy file; throws an Error that says what is wrong with it and where. */
export function parsePolicy(text: string): Policy {
  let document: PolicyDocument | null;
  try {
    document = parseYaml(text) as PolicyDocument | null;
  } catch (error) {
    throw new Error(`the audit policy cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const problems = validate(document);
  if (problems.length > 0) throw new Error(`the audit policy is not valid: ${problems.join("; ")}`);
  return compile(document ?? {});
}

function validate(document: PolicyDocument | null): string[] {
  if (typeof document !== "object" || document === null) return ["it is empty"];
  const problems: string[] = [];
  if (document.apiVersion !== API_VERSION) problems.push(`apiVersion must be ${API_VERSION}`);
  if (document.kind !== "Policy") problems.push("kind must be Policy");
  const rules = document.rules ?? [];
  if (rules.length === 0) problems.push("loaded illegal policy with 0 rules");
  checkStages(document.omitStages, "omitStages", problems);
  rules.forEach((rule, i) => {
    const at = `rules[${i}]`;
    for (const field of Object.keys(rule)) if (!RULE_FIELDS.has(field)) problems.push(`${at}: unknown field ${field}`);
    if (!LEVELS.includes(rule.level)) {
      problems.push(`${at}.level: Unsupported value: ${JSON.stringify(rule.level ?? "")}: ${LEVELS.join(", ")}`);
    }
    checkStages(rule.omitStages, `${at}.omitStages`, problems);
    if (given(rule.nonResourceURLs) && (given(rule.resources) || given(rule.namespaces))) {
      problems.push(`${at}.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs`);
    }
    for (const url of rule.nonResourceURLs ?? []) {
      if (url !== "*" && !url.startsWith("/")) {
        problems.push(`${at}.nonResourceURLs: ${url}: non-resource URL rules must begin with a '/' character`);
      } else if (url.slice(0, -1).includes("*")) {
        problems.push(
          `${at}.nonResourceURLs: ${url}: non-resource URL wildcards '*' must be the final character of the rule`,
        );
      }
    }
    (rule.resources ?? []).forEach((resource, k) => {
      if (given(resource.resourceNames) && !given(resource.resources)) {
        problems.push(`${at}.resources[${k}].resourceNames: using resourceNames requires at least one resource`);
      }
    });
  });
  return problems;
}

function checkStages(stages: readonly string[] | undefined, at: string, problems: string[]): void {
  for (const stage of stages ?? []) {
    if (!STAGES.includes(stage))
      problems.push(`${at}: Invalid value: ${JSON.stringify(stage)}: allowed stages are ${STAGES.join(",")}`);
  }
}

function given(list: readonly unknown[] | undefined): list is readonly unknown[] {
  return list !== undefined && list.length > 0;
}

function compile(document: PolicyDocument): Policy {
  const rules = (document.rules ?? []).map((rule) => ({
    matches: compileRule(rule),
    treatment: {
      level: rule.level as Level,
      omitStages: new Set([...(document.omitStages ?? []), ...(rule.omitStages ?? [])] as Stage[]),
      omitManagedFields: rule.omitManagedFields ?? document.omitManagedFields ?? false,
    },
  }));
  return (user, info) => rules.find(({ matches }) => matches(user, info))?.treatment ?? NOTHING;
}

function compileRule(rule: PolicyRule): (user: UserInfo | undefined, info: RequestInfo) => boolean {
  const { users, userGroups, verbs, namespaces, resources, nonResourceURLs } = rule;
  const target = given(namespaces) || given(resources) ? "resource" : given(nonResourceURLs) ? "path" : "any";
  return (user, info) => {
    if (given(users) && (user === undefined || !users.includes(user.name))) return false;
    if (given(userGroups) && !user?.groups.some((group) => userGroups.includes(group))) return false;
    if (given(verbs) && !verbs.includes(info.verb)) return false;
    if (target === "any") return true;
    if (target === "path")
      return !info.isResourceRequest && (nonResourceURLs ?? []).some((url) => isPath(url, info.path));
    if (!info.isResourceRequest) return false;
    if (given(namespaces) && !namespaces.includes(info.namespace)) return false;
    return !given(resources) || resources.some((each) => isResource(each, info));
  };
}

function isPath(url: string, path: string): boolean {
  return url === "*" || url === path || (url.endsWith("*") && path.startsWith(url.slice(0, -1)));
}

/** "pods" is the resource alone, "pods/log" its log, "pods/*" all its subresources, "*" + "/scale" that of any resource. */
function isResource(wanted: NonNullable<PolicyRule["resources"]>[number], info: RequestInfo): boolean {
  if ((wanted.group ?? "") !== info.apiGroup) return false;
  if (!given(wanted.resources)) return true;
  if (given(wanted.resourceNames) && !wanted.resourceNames.includes(info.name)) return false;
  const { resource, subresource } = info;
  const combined = subresource === "" ? resource : `${resource}/${subresource}`;
  return (wanted.resources as readonly string[]).some(
    (each) =>
      each === "*" ||
      each === combined ||
      (subresource !== "" && (each === `${resource}/*` || each === `*/${subresource}`)),
  );
}
