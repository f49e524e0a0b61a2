// Huge pages: resources whose names tell the size of what they are made of.
import type { PodSpec } from "@knots/api/core/v1";
import { Quantity } from "@knots/machinery";
import { forEachContainer } from "./each-container.ts";

const PREFIX = "hugepages-";

export const isHugePages = (name: string): boolean => name.startsWith(PREFIX);

/** Whether an amount is made of whole pages; none is, of pages whose size nobody can read. */
export function isWholePages(name: string, amount: string): boolean {
  const size = pageSize(name);
  return size !== undefined && size > 0 && Quantity.parse(amount).value() % size === 0;
}

function pageSize(name: string): number | undefined {
  try {
    const size = Quantity.parse(name.slice(PREFIX.length));
    return size.milliValue() % 1000 === 0 ? size.value() : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether a stored pod has broken pages: it may keep them. */
export function hasBrokenPages(spec: PodSpec | undefined): boolean {
  if (spec === undefined) return false;
  let has = isBroken(spec.overhead);
  forEachContainer(spec, ({ resources }) => {
    has ||= isBroken(resources?.limits) || isBroken(resources?.requests);
  });
  return has;
}

function isBroken(amounts: Readonly<Record<string, string>> = {}): boolean {
  for (const name in amounts) if (isHugePages(name) && !isWholePages(name, amounts[name] ?? "0")) return true;
  return false;
}
