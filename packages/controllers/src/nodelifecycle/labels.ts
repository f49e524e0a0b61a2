import type { Node } from "@knots/api/core/v1";

/** Old label names and the ones that replaced them; the new one's value wins. */
const PAIRS = [
  ["beta.kubernetes.io/os", "kubernetes.io/os"],
  ["beta.kubernetes.io/arch", "kubernetes.io/arch"],
] as const;

/** The labels to add so that old and new names say the same; undefined when they do. Pure. */
export function withNodeLabels(node: Node): Record<string, string> | undefined {
  const labels = node.metadata?.labels ?? {};
  const changes: Record<string, string> = {};
  for (const [secondary, primary] of PAIRS) {
    const value = labels[primary];
    if (value !== undefined && labels[secondary] !== value) changes[secondary] = value;
  }
  return Object.keys(changes).length > 0 ? changes : undefined;
}
