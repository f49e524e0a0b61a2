import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from "@knots/api/rbac/v1";
import { defaultRoleBinding } from "../defaults/policies.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { validateLabelSelector } from "../validation/label-selector.ts";
import { nameIsDNSSubdomain, nameIsPathSegment } from "../validation/names.ts";

const RBAC_GROUP = "rbac.authorization.k8s.io";
const RULES = FieldPath.root("rules");
const ROLE_REF = FieldPath.root("roleRef");

function validateRules(rules: readonly PolicyRule[] | undefined, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  rules?.forEach((rule, index) => {
    const at = RULES.index(index);
    if (!rule.verbs?.length) errors.push(required(at.child("verbs"), "verbs must contain at least one value"));
    if (rule.nonResourceURLs?.length) {
      const urls = at.child("nonResourceURLs");
      if (namespaced) {
        errors.push(invalid(urls, rule.nonResourceURLs, "namespaced rules cannot apply to non-resource URLs"));
      }
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        errors.push(
          invalid(urls, rule.nonResourceURLs, "rules cannot apply to both regular resources and non-resource URLs"),
        );
      }
      return;
    }
    if (!rule.apiGroups?.length)
      errors.push(required(at.child("apiGroups"), "resource rules must supply at least one api group"));
    if (!rule.resources?.length)
      errors.push(required(at.child("resources"), "resource rules must supply at least one resource"));
  });
  return errors;
}

export const roleStrategy: Strategy<Role> = {
  allowCreateOnUpdate: true,
  validate: (role) => validateRules(role.rules, true),
  validateUpdate: (role) => validateRules(role.rules, true),
};

function validateClusterRole(role: ClusterRole): FieldError[] {
  const errors = validateRules(role.rules, false);
  const at = FieldPath.root("aggregationRule").child("clusterRoleSelectors");
  if (role.aggregationRule && !role.aggregationRule.clusterRoleSelectors?.length) {
    errors.push(required(at, "at least one clusterRoleSelector required if aggregationRule is non-nil"));
  }
  role.aggregationRule?.clusterRoleSelectors?.forEach((selector, index) =>
    validateLabelSelector(selector, at.index(index), errors),
  );
  return errors;
}

export const clusterRoleStrategy: Strategy<ClusterRole> = {
  allowCreateOnUpdate: true,
  validate: validateClusterRole,
  validateUpdate: validateClusterRole,
};

type Binding = RoleBinding | ClusterRoleBinding;

function validateBinding(binding: Binding, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const reference = binding.roleRef;
  if (reference?.apiGroup !== RBAC_GROUP) {
    errors.push(notSupported(ROLE_REF.child("apiGroup"), reference?.apiGroup ?? "", [RBAC_GROUP]));
  }
  const kinds = namespaced ? ["Role", "ClusterRole"] : ["ClusterRole"];
  if (!kinds.includes(reference?.kind ?? "")) {
    errors.push(notSupported(ROLE_REF.child("kind"), reference?.kind ?? "", kinds));
  }
  if (!reference?.name) errors.push(required(ROLE_REF.child("name"), ""));
  else {
    for (const message of nameIsPathSegment(reference.name, false)) {
      errors.push(invalid(ROLE_REF.child("name"), reference.name, message));
    }
  }
  binding.subjects?.forEach((subject, index) => {
    const at = FieldPath.root("subjects").index(index);
    if (!subject.name) errors.push(required(at.child("name"), ""));
    const group = subject.apiGroup ?? "";
    switch (subject.kind) {
      case "ServiceAccount":
        if (subject.name) {
          for (const message of nameIsDNSSubdomain(subject.name, false)) {
            errors.push(invalid(at.child("name"), subject.name, message));
          }
        }
        if (group !== "") errors.push(notSupported(at.child("apiGroup"), group, [""]));
        // In a namespace's binding it is that namespace's account, unless another is named.
        if (!namespaced && !subject.namespace) errors.push(required(at.child("namespace"), ""));
        break;
      case "User":
      case "Group":
        if (group !== RBAC_GROUP) errors.push(notSupported(at.child("apiGroup"), group, [RBAC_GROUP]));
        break;
      default:
        errors.push(notSupported(at.child("kind"), subject.kind, ["ServiceAccount", "User", "Group"]));
    }
  });
  return errors;
}

function validateBindingUpdate(next: Binding, old: Binding, namespaced: boolean): FieldError[] {
  const errors = validateBinding(next, namespaced);
  if (!semanticEqual(next.roleRef, old.roleRef)) errors.push(invalid(ROLE_REF, next.roleRef, "cannot change roleRef"));
  return errors;
}

export const roleBindingStrategy: Strategy<RoleBinding> = {
  allowCreateOnUpdate: true,
  defaults: defaultRoleBinding,
  validate: (binding) => validateBinding(binding, true),
  validateUpdate: (next, old) => validateBindingUpdate(next, old, true),
};

export const clusterRoleBindingStrategy: Strategy<ClusterRoleBinding> = {
  allowCreateOnUpdate: true,
  defaults: defaultRoleBinding,
  validate: (binding) => validateBinding(binding, false),
  validateUpdate: (next, old) => validateBindingUpdate(next, old, false),
};
