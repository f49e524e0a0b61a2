import { newForbidden } from "@knots/machinery";
import type { AdmissionAttributes } from "../../types.ts";

/** Throws upstream's Forbidden for what a node may not do. */
export function refuse(attributes: AdmissionAttributes, message: string): never {
  throw newForbidden(attributes, attributes.name, message);
}

/** As messages name a node. */
export const quoted = (text: string): string => JSON.stringify(text);
