import { namespaces } from "@knots/api/core/v1";
import { newForbidden, newNotFound } from "@knots/machinery";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";

const IMMORTAL = new Set(["default", "kube-system", "kube-public"]);

/** Objects are only made in namespaces that exist and are not going away; three namespaces cannot be deleted. */
export const namespaceLifecycle: AdmissionPlugin = {
  name: "NamespaceLifecycle",
  handles: ({ operation, group, resource, namespace }) =>
    (operation === "CREATE" && namespace !== "") ||
    (operation === "DELETE" && group === "" && resource === "namespaces"),
  mutate(attributes) {
    if (attributes.operation === "CREATE") check(attributes);
  },
  validate(attributes) {
    const { operation, name, subresource } = attributes;
    if (operation === "CREATE") {
      check(attributes);
    } else if (subresource === "" && IMMORTAL.has(name)) {
      throw newForbidden({ group: "", resource: "namespaces" }, name, "this namespace may not be deleted");
    }
  },
};

function check(attributes: AdmissionAttributes): void {
  const { objects, namespace, group, resource } = attributes;
  if (resource === "namespaces" && group === "") return;
  // Reviews are questions, not content.
  if (group === "authorization.k8s.io" || group === "authentication.k8s.io") return;
  const found = objects.get(namespaces, undefined, namespace);
  if (found === undefined) throw newNotFound({ group: "", resource: "namespaces" }, namespace);
  if (found.status?.phase !== "Terminating" && found.metadata?.deletionTimestamp === undefined) return;
  const error = forbidden(
    attributes,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  error.status.details = {
    ...error.status.details,
    causes: [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ],
  };
  throw error;
}
