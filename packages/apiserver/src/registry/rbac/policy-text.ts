// Rules as upstream's messages print them.
import type { PolicyRule } from "@knots/api/rbac/v1";

/** Go's %q of a list of texts. */
export function quotedList(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(" ")}]`;
}

/** Rules that differ in their verb alone, of one resource each, as one (upstream: CompactRules). Pure. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const others: PolicyRule[] = [];
  const simple = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
    if (apiGroups.length !== 1 || resources.length !== 1 || resourceNames.length > 1 || nonResourceURLs.length > 0) {
      others.push(rule);
      continue;
    }
    const key = JSON.stringify([apiGroups, resources, resourceNames]);
    const same = simple.get(key);
    simple.set(key, same === undefined ? rule : { ...same, verbs: [...new Set([...same.verbs, ...rule.verbs])] });
  }
  return [...others, ...simple.values()];
}

/** A rule in braces, without what is empty. */
export function ruleText(rule: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ];
  const shown = parts.flatMap(([name, texts]) =>
    texts === undefined || texts.length === 0 ? [] : [`${name}:${quotedList(texts)}`],
  );
  return `{${shown.join(", ")}}`;
}
