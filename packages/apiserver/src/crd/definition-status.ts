import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionStatus,
} from "@knots/api/apiextensions/v1";
import { approvalCondition } from "./api-approval.ts";

export interface NameConflict {
  readonly reason: string;
  readonly message: string;
}

/** A name that another definition of the group has: the older one keeps it. */
export function nameConflict(
  crd: CustomResourceDefinition,
  definitions: readonly CustomResourceDefinition[],
): NameConflict | undefined {
  const { group, names } = crd.spec;
  const taken = { resources: new Set<string>(), kinds: new Set<string>() };
  for (const other of definitions) {
    const accepted = other.status?.acceptedNames;
    if (other.metadata?.uid === crd.metadata?.uid || other.spec.group !== group || accepted === undefined) continue;
    for (const name of [accepted.plural, accepted.singular ?? "", ...(accepted.shortNames ?? [])]) {
      taken.resources.add(name);
    }
    for (const kind of [accepted.kind, accepted.listKind ?? ""]) taken.kinds.add(kind);
  }
  const clash = (reason: string, name: string | undefined, among: ReadonlySet<string>): NameConflict | undefined =>
    name === undefined || name === "" || !among.has(name)
      ? undefined
      : { reason, message: `${JSON.stringify(name)} is already in use` };
  const [shortName] = (names.shortNames ?? []).filter((name) => taken.resources.has(name));
  return (
    clash("PluralConflict", names.plural, taken.resources) ??
    clash("SingularConflict", names.singular, taken.resources) ??
    clash("ShortNamesConflict", shortName, taken.resources) ??
    clash("KindConflict", names.kind, taken.kinds) ??
    clash("ListKindConflict", names.listKind, taken.kinds)
  );
}

/** The status of a definition whose names are accepted, or not; `now` as times are written. Pure. */
export function definitionStatus(
  crd: CustomResourceDefinition,
  conflict: NameConflict | undefined,
  now: string,
): CustomResourceDefinitionStatus {
  const names: CustomResourceDefinitionCondition =
    conflict === undefined
      ? { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" }
      : { type: "NamesAccepted", status: "False", ...conflict };
  const established: CustomResourceDefinitionCondition =
    conflict === undefined
      ? {
          type: "Established",
          status: "True",
          reason: "InitialNamesAccepted",
          message: "the initial names have been accepted",
        }
      : { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" };
  const before = crd.status?.conditions ?? [];
  const approval = approvalCondition(crd);
  const wanted = [names, established, ...(approval === undefined ? [] : [approval])].map((condition) => {
    const old = before.find(({ type }) => type === condition.type);
    // Once established a definition stays so: clients rely on it.
    if (old?.type === "Established" && old.status === "True") return old;
    return {
      ...condition,
      lastTransitionTime: old?.status === condition.status ? (old.lastTransitionTime ?? now) : now,
    };
  });
  const conditions = [...wanted, ...before.filter(({ type }) => !wanted.some((condition) => condition.type === type))];
  const storage = crd.spec.versions.find((version) => version.storage)?.name;
  const stored = crd.status?.storedVersions ?? [];
  return {
    ...crd.status,
    conditions,
    acceptedNames: conflict === undefined ? crd.spec.names : (crd.status?.acceptedNames ?? { plural: "", kind: "" }),
    storedVersions: storage === undefined || stored.includes(storage) ? stored : [...stored, storage],
  };
}
