import { forbidden } from "../../refuse.ts";
import type { AdmissionAttributes } from "../../types.ts";

/** Throws upstream's Forbidden for what a node may not do. */
export function refuse(attributes: AdmissionAttributes, message: string): never {
  throw forbidden(attributes, message);
}

/** As messages name a node. */
export const quoted = (text: string): string => JSON.stringify(text);
