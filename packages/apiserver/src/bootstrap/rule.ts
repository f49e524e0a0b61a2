import type { PolicyRule } from "@knots/api/rbac/v1";

/** A policy rule as compact data, words separated by blanks; "-" stands for the core group. */
export type Rule =
  | readonly [verbs: string, groups: string, resources: string, names?: string]
  | { readonly verbs: string; readonly urls: string };

export const READ = "get list watch";
export const READ_WRITE = "create delete deletecollection get list patch update watch";
export const WRITE = "create delete deletecollection patch update";

/** Whoever writes Events. */
export const EVENTS: Rule = ["create patch update", "- events.k8s.io", "events"];

function words(text: string): string[] {
  return text.split(" ");
}

export function expand(rule: Rule): PolicyRule {
  if (!Array.isArray(rule)) {
    const { verbs, urls } = rule as { verbs: string; urls: string };
    return { verbs: words(verbs), nonResourceURLs: words(urls) };
  }
  const [verbs, groups, resources, names] = rule as readonly [string, string, string, string?];
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === "-" ? "" : group)),
    resources: words(resources),
    ...(names === undefined ? {} : { resourceNames: words(names) }),
  };
}
