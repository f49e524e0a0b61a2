// The chain of authorizers: the first that has an opinion decides.
import type { ObjectSource } from "../registry/object-source.ts";
import { NodeAuthorizer } from "./node-authorizer.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import type { Attributes, Authorizer, Decision } from "./types.ts";

const KNOWN: Readonly<Record<string, (objects: ObjectSource) => { authorize(attributes: Attributes): Decision }>> = {
  Node: (objects) => new NodeAuthorizer(objects),
  RBAC: (objects) => new RbacAuthorizer(objects),
  AlwaysAllow: () => ({ authorize: () => ({ allowed: "allow", reason: "" }) }),
  AlwaysDeny: () => ({ authorize: () => ({ allowed: "no-opinion", reason: "Everything is forbidden." }) }),
};

/** Throws an Error for a mode that is not known. */
export function authorizerOf(modes: readonly string[], objects: ObjectSource): Authorizer {
  const chain = modes.map((mode) => {
    const make = KNOWN[mode];
    if (make === undefined)
      throw new Error(`unknown authorization mode ${JSON.stringify(mode)}; known are ${Object.keys(KNOWN).join(", ")}`);
    return make(objects);
  });
  return {
    authorize(attributes) {
      if (attributes.user.groups.includes("system:masters")) return { allowed: "allow", reason: "" };
      const reasons: string[] = [];
      for (const each of chain) {
        const decision = each.authorize(attributes);
        if (decision.allowed !== "no-opinion") return decision;
        if (decision.reason !== "") reasons.push(decision.reason);
      }
      return { allowed: "no-opinion", reason: reasons.join(", ") };
    },
  };
}
