// Which kinds a PUT may make, and which it may change without saying which version it saw (upstream: the strategies'
// AllowCreateOnUpdate and AllowUnconditionalUpdate).
import { RESOURCES } from "@knots/api";
import { expect, it } from "vitest";
import { strategyFor } from "./index.ts";

/** Events of events.k8s.io are those of the core group, which see. */
const MADE_BY_PUT = [
  "/endpoints",
  "/events",
  "/limitranges",
  "/services",
  "coordination.k8s.io/leases",
  "node.k8s.io/runtimeclasses",
  "rbac.authorization.k8s.io/clusterrolebindings",
  "rbac.authorization.k8s.io/clusterroles",
  "rbac.authorization.k8s.io/rolebindings",
  "rbac.authorization.k8s.io/roles",
];
/** Of all others a PUT changes what is there, whatever its version. */
const VERSIONED = [
  "admissionregistration.k8s.io/mutatingadmissionpolicies",
  "admissionregistration.k8s.io/mutatingadmissionpolicybindings",
  "admissionregistration.k8s.io/mutatingwebhookconfigurations",
  "admissionregistration.k8s.io/validatingadmissionpolicies",
  "admissionregistration.k8s.io/validatingadmissionpolicybindings",
  "admissionregistration.k8s.io/validatingwebhookconfigurations",
  "apiextensions.k8s.io/customresourcedefinitions",
  "apiregistration.k8s.io/apiservices",
  "coordination.k8s.io/leases",
  "node.k8s.io/runtimeclasses",
  "policy/poddisruptionbudgets",
  "storage.k8s.io/csidrivers",
  "storage.k8s.io/csinodes",
  "storage.k8s.io/csistoragecapacities",
  "storage.k8s.io/volumeattachments",
];

const updatable = RESOURCES.filter(({ verbs }) => verbs.includes("update"));
const named = (which: (strategy: ReturnType<typeof strategyFor>) => boolean): string[] =>
  [
    ...new Set(
      updatable.filter((info) => which(strategyFor(info))).map(({ group, resource }) => `${group}/${resource}`),
    ),
  ].sort();

it("makes objects of these kinds by PUT", () => {
  expect(named(({ allowCreateOnUpdate }) => allowCreateOnUpdate === true)).toEqual(MADE_BY_PUT);
});

it("wants to know what version an update of these kinds saw", () => {
  expect(named(({ allowUnconditionalUpdate }) => allowUnconditionalUpdate === false)).toEqual(VERSIONED);
});
