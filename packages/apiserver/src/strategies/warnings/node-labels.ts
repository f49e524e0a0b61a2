// Labels of nodes that have other names by now (upstream: pkg/api/node).
import type { NodeSelectorTerm } from "@knots/api/core/v1";
import { isValidLabelValue, tableOf } from "@knots/machinery";
import type { LabelSelector } from "@knots/machinery";

const DEPRECATED: Readonly<Record<string, string>> = tableOf({
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
});

/** Why a label should not be used any more; undefined where it may. */
export const deprecatedNodeLabel = (key: string): string | undefined => DEPRECATED[key];

/** The keys of a map that are such labels, and what is said of them. */
export function deprecatedKeys(map: Readonly<Record<string, string>> | undefined): [key: string, text: string][] {
  const found: [key: string, text: string][] = [];
  for (const key of Object.keys(map ?? {})) {
    const text = DEPRECATED[key];
    if (text !== undefined) found.push([key, text]);
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

export function nodeSelectorTermWarnings({ matchExpressions }: NodeSelectorTerm, path: string): string[] {
  return (matchExpressions ?? []).flatMap(({ key }, index) => {
    const text = DEPRECATED[key];
    return text === undefined ? [] : [`${path}.matchExpressions[${index}].key: ${key} is ${text}`];
  });
}

/** Of a term that only prefers: nothing refuses values that no label can have, but no node has them. */
export function preferenceWarnings({ matchExpressions }: NodeSelectorTerm, path: string): string[] {
  return (matchExpressions ?? []).flatMap((requirement, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const text = DEPRECATED[requirement.key];
    return [
      ...(text === undefined ? [] : [`${at}.key: ${requirement.key} is ${text}`]),
      ...(requirement.values ?? []).flatMap((value, place) =>
        isValidLabelValue(value).map((message) => `${at}.values[${place}]: ${value} is invalid, ${message}`),
      ),
    ];
  });
}

export function nodeLabelSelectorWarnings(selector: LabelSelector | undefined, path: string): string[] {
  return [
    ...nodeSelectorTermWarnings({ matchExpressions: selector?.matchExpressions ?? [] }, path),
    ...deprecatedKeys(selector?.matchLabels).map(([key, text]) => `${path}.matchLabels.${key}: ${text}`),
  ];
}
