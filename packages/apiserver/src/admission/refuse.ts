import { newForbidden } from "@knots/machinery";
import type { StatusError } from "@knots/machinery";
import type { AdmissionAttributes } from "./types.ts";

/**
 * What a refusal calls the object: its name, or what its name will begin with where the server has yet to make one
 * (upstream: extractResourceName of apiserver/pkg/admission).
 */
export function nameInRefusals({ name, object }: AdmissionAttributes): string {
  if (name !== "") return name;
  return object?.metadata?.name || object?.metadata?.generateName || "Unknown";
}

/** Upstream's Forbidden of an admission plug-in. */
export function forbidden(attributes: AdmissionAttributes, message: string): StatusError {
  const { group, resource } = attributes;
  return newForbidden({ group, resource }, nameInRefusals(attributes), message);
}
