// Claims of devices: those that a pod names, and those of them that its containers use (KEP-4381).
import type { PodResourceClaim, PodSpec, ResourceClaim } from "@knots/api/core/v1";
import { isDNS1123Label } from "@knots/machinery";
import type { ObjectMeta } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, notFound, required } from "../field.ts";
import { invalidFor, nameIsDNSSubdomain } from "./names.ts";
import { MIRROR } from "./pod-annotations.ts";

/** So much is told of the names there are, to each container that uses another one. */
const MAX_LISTED = 1000;

/** The names under which containers may know a pod's claims. */
export class ClaimNames {
  readonly #names: ReadonlySet<string>;
  #listed: string | undefined;

  constructor(claims: readonly PodResourceClaim[]) {
    this.#names = new Set(claims.map(({ name }) => name).filter((name) => name !== ""));
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** How an error's text goes on that tells of them. Cut where they are very many: there may be as many errors. */
  get listed(): string {
    if (this.#names.size === 0) return " which is empty";
    if (this.#listed === undefined) {
      const all = [...this.#names].toSorted().join(", ");
      this.#listed = `: ${all.length > MAX_LISTED ? `${all.slice(0, MAX_LISTED)} ...` : all}`;
    }
    return this.#listed;
  }
}

export const NO_CLAIMS = new ClaimNames([]);

export function claimNamesOf({ resourceClaims = [] }: PodSpec): ClaimNames {
  return resourceClaims.length === 0 ? NO_CLAIMS : new ClaimNames(resourceClaims);
}

/** What a pod claims: each under a name of its own, by one of two ways. `meta` is that of the pod, if it is one. */
export function validatePodClaims(
  claims: readonly PodResourceClaim[],
  meta: ObjectMeta | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const names = new Set<string>();
  claims.forEach((claim, index) => {
    if (meta?.annotations?.[MIRROR] !== undefined)
      return void errors.push(forbidden("", "static pods do not support resource claims"));
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    const at = path.index(index);
    if (!name) errors.push(required(at.child("name")));
    else if (names.has(name)) errors.push(duplicate(at.child("name"), name));
    else invalidFor(isDNS1123Label(name), name, at.child("name"), errors);
    names.add(name);
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      const why = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
      errors.push(invalid(at, claim, why));
    }
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      errors.push(invalid(at, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"));
    for (const field of ["resourceClaimName", "resourceClaimTemplateName"] as const) {
      const value = claim[field];
      if (value !== undefined) invalidFor(nameIsDNSSubdomain(value, false), value, at.child(field), errors);
    }
  });
}

/** What a container uses of its pod's claims: a claim as a whole or requests of it, neither of them twice. */
export function validateUsedClaims(
  claims: readonly ResourceClaim[] | undefined,
  known: ClaimNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  /** How many requests of a claim are used already: the claim as a whole would be those again. */
  const parts = new Map<string, number>();
  claims?.forEach(({ name, request = "" }, index) => {
    const at = path.index(index);
    if (!name) return void errors.push(required(at));
    if (seen.has(name)) errors.push(duplicate(at, name));
    else if (request === "") {
      for (let part = parts.get(name) ?? 0; part > 0; part--) errors.push(duplicate(at, name));
      seen.add(name);
    } else {
      invalidFor(isDNS1123Label(request), request, at.child("request"), errors);
      const key = `${name}/${request}`;
      if (seen.has(key)) errors.push(duplicate(at, key));
      else parts.set(name, (parts.get(name) ?? 0) + 1);
      seen.add(key);
    }
    if (known.has(name)) return;
    errors.push({
      ...notFound(at, name),
      detail: `must be one of the names in pod.spec.resourceClaims${known.listed}`,
    });
  });
}
