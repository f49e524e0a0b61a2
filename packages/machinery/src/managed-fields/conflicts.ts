import { StatusError } from "../status-error.ts";
import type { StatusCause } from "../status-error.ts";
import type { FieldSet } from "./field-set.ts";
import type { Manager } from "./managed.ts";
import { formatPath } from "./path-element.ts";

/** What an applier wants to change although somebody else owns it. */
export interface Conflict {
  readonly manager: Manager;
  readonly fields: FieldSet;
}

/** 409 with every field as a cause, in upstream's words. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const ordered = conflicts
    .map(({ manager, fields }) => ({ name: managerName(manager), paths: Array.from(fields.paths(), formatPath) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const causes: StatusCause[] = ordered.flatMap(({ name, paths }) =>
    paths.map((field) => ({ reason: "FieldManagerConflict", message: `conflict with ${name}`, field })),
  );
  const [only] = causes;
  const what =
    causes.length === 1
      ? `1 conflict: ${only?.message}: ${only?.field}`
      : `${causes.length} conflicts: ${ordered
          .map(({ name, paths }) => [`conflicts with ${name}:`, ...paths.map((path) => `- ${path}`)].join("\n"))
          .join("\n")}`;
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `Apply failed with ${what}`,
    reason: "Conflict",
    details: { causes },
    code: 409,
  });
}

function managerName({ manager, operation, apiVersion, subresource }: Manager): string {
  const name = JSON.stringify(manager) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === "Update" ? `${name} using ${apiVersion}` : name;
}
