import type { Event, LimitRange, Namespace, Node, ResourceQuota } from "@knots/api/core/v1";
import type { Event as EventsEvent } from "@knots/api/events/v1";
import { isDNS1123Label, isValidLabelValue } from "@knots/machinery";
import { randomUUID } from "node:crypto";
import { isIP } from "node:net";
import { keep, metadataFor } from "../default-strategy.ts";
import { defaultLimitRange, defaultNode } from "../defaults/services.ts";
import { FieldPath, duplicate, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { nodeWarnings } from "../warnings/kinds.ts";
import { validateLimits } from "../validation/limit-range.ts";
import { immutable } from "../validation/metadata.ts";
import { TAINT_EFFECTS, validateLabelName } from "../validation/scheduling.ts";
import { IMMUTABLE } from "../validation/names.ts";
import { validateQuotaSpec, validateQuotaStatus } from "../validation/quota.ts";

const SPEC = FieldPath.root("spec");
const KUBERNETES_FINALIZER = "kubernetes";
const NAME_LABEL = "kubernetes.io/metadata.name";

function labelWithName(namespace: Namespace): void {
  const name = namespace.metadata?.name;
  if (!name || !namespace.metadata) return;
  namespace.metadata.labels = { ...namespace.metadata.labels, [NAME_LABEL]: name };
}

export const namespaceStrategy: Strategy<Namespace> = {
  defaults(namespace) {
    namespace.status ??= {};
    namespace.status.phase ||= "Active";
    labelWithName(namespace);
  },
  prepareForCreate(namespace) {
    namespace.status = { phase: "Active" };
    // The namespace controller empties the namespace before it takes this away.
    const finalizers = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes(KUBERNETES_FINALIZER)) {
      namespace.spec = { ...namespace.spec, finalizers: [...finalizers, KUBERNETES_FINALIZER] };
    }
  },
  prepareForUpdate(next, old) {
    if (old.spec?.finalizers) next.spec = { ...next.spec, finalizers: old.spec.finalizers };
    else if (next.spec) delete next.spec.finalizers;
    keep(next, old, "status");
  },
  fieldLabels: (namespace) => ({ "status.phase": namespace.status?.phase ?? "", name: namespace.metadata?.name ?? "" }),
  subresources: {
    status: {
      validateUpdate(next) {
        const phase = next.status?.phase;
        const terminating = next.metadata?.deletionTimestamp !== undefined;
        if (terminating ? phase === "Terminating" : phase === "Active") return [];
        const why = terminating
          ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
          : "may only be 'Active' if `deletionTimestamp` is empty";
        return [invalid(FieldPath.root("status").child("Phase"), phase ?? "", why)];
      },
    },
    finalize: {
      prepareForUpdate(next, old) {
        keep(next, old, "status");
      },
      validateUpdate: () => [],
    },
  },
};

function validateNode(node: Node): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  node.spec?.taints?.forEach((taint, index) => {
    const at = SPEC.child("taints").index(index);
    if (!taint.key) errors.push(required(at.child("key"), ""));
    else validateLabelName(taint.key, at.child("key"), errors);
    for (const message of isValidLabelValue(taint.value ?? "")) {
      errors.push(invalid(at.child("value"), taint.value ?? "", message));
    }
    if (!taint.effect) errors.push(required(at.child("effect"), ""));
    else if (!TAINT_EFFECTS.includes(taint.effect))
      errors.push(notSupported(at.child("effect"), taint.effect, TAINT_EFFECTS));
    const key = `${taint.key}:${taint.effect}`;
    if (seen.has(key)) {
      const unique = duplicate(at, taint);
      errors.push({ ...unique, detail: "taints must be unique by key and effect pair" });
    }
    seen.add(key);
  });
  const cidrs = node.spec?.podCIDRs ?? [];
  cidrs.forEach((cidr, index) => {
    if (isIP(cidr.split("/")[0] ?? "") === 0 || !/\/\d{1,3}$/.test(cidr)) {
      const why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
      errors.push(invalid(SPEC.child("podCIDRs").index(index), cidr, why));
    }
  });
  if (cidrs.length > 2)
    errors.push(invalid(SPEC.child("podCIDRs"), cidrs, "may specify no more than one CIDR for each IP family"));
  return errors;
}

/** podCIDR is the first of podCIDRs; either may be written. */
function mirrorPodCIDRs(node: Node): void {
  const spec = node.spec;
  if (!spec) return;
  if (spec.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.length) spec.podCIDR ||= spec.podCIDRs[0] ?? "";
}

export const nodeStrategy: Strategy<Node> = {
  warnings: (node) => nodeWarnings(node),
  allowCreateOnUpdate: false,
  defaults(node) {
    defaultNode(node);
    mirrorPodCIDRs(node);
  },
  validate: validateNode,
  validateUpdate(next, old) {
    const errors = validateNode(next);
    for (const field of ["podCIDRs", "providerID"] as const) {
      const before = old.spec?.[field];
      if (!before || before.length === 0) continue;
      if (JSON.stringify(next.spec?.[field]) === JSON.stringify(before)) continue;
      const why = `node updates may not change ${field} except from "" to valid`;
      errors.push(
        forbidden(
          SPEC.child(field),
          field === "podCIDRs" ? 'node updates may not change podCIDR except from "" to valid' : why,
        ),
      );
    }
    return errors;
  },
  fieldLabels: (node) => ({ "spec.unschedulable": String(node.spec?.unschedulable ?? false) }),
  subresources: { status: {} },
};

function validateEvent(event: Event): FieldError[] {
  const errors: FieldError[] = [];
  const involved = event.involvedObject?.namespace ?? "";
  const own = event.metadata?.namespace ?? "";
  const at = FieldPath.root("involvedObject").child("namespace");
  if (involved === "") {
    if (own !== "default" && own !== "kube-system")
      errors.push(invalid(at, involved, "does not match event.namespace"));
  } else if (involved !== own) errors.push(invalid(at, involved, "does not match event.namespace"));
  for (const message of isDNS1123Label(own)) errors.push(invalid(FieldPath.root("namespace"), own, message));
  return errors;
}

export const eventStrategy: Strategy<Event> = {
  allowCreateOnUpdate: true,
  validate: validateEvent,
  validateUpdate: validateEvent,
  fieldLabels: (event) => {
    const object = event.involvedObject ?? {};
    return {
      "involvedObject.kind": object.kind ?? "",
      "involvedObject.namespace": object.namespace ?? "",
      "involvedObject.name": object.name ?? "",
      "involvedObject.uid": object.uid ?? "",
      "involvedObject.apiVersion": object.apiVersion ?? "",
      "involvedObject.resourceVersion": object.resourceVersion ?? "",
      "involvedObject.fieldPath": object.fieldPath ?? "",
      reason: event.reason ?? "",
      reportingComponent: event.reportingComponent || (event.source?.component ?? ""),
      source: event.source?.component || (event.reportingComponent ?? ""),
      type: event.type ?? "",
    };
  },
};

function validateNewEvent(event: EventsEvent): FieldError[] {
  const errors: FieldError[] = [];
  if (!event.reportingController) errors.push(required(FieldPath.root("reportingController"), ""));
  if (!event.reportingInstance) errors.push(required(FieldPath.root("reportingInstance"), ""));
  if (!event.action) errors.push(required(FieldPath.root("action"), ""));
  if (!event.reason) errors.push(required(FieldPath.root("reason"), ""));
  if (!event.eventTime) errors.push(required(FieldPath.root("eventTime"), ""));
  if (event.type !== "Normal" && event.type !== "Warning") {
    errors.push(invalid(FieldPath.root("type"), event.type ?? "", `has invalid value: ${event.type ?? ""}`));
  }
  return errors;
}

export const eventsEventStrategy: Strategy<EventsEvent> = {
  allowCreateOnUpdate: true,
  validate: validateNewEvent,
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    for (const field of [
      "eventTime",
      "reportingController",
      "reportingInstance",
      "action",
      "reason",
      "regarding",
      "related",
      "note",
      "type",
    ] as const) {
      immutable(next[field], old[field], FieldPath.root(field), errors);
    }
    return errors;
  },
  fieldLabels: (event) => {
    const object = event.regarding ?? {};
    return {
      "regarding.kind": object.kind ?? "",
      "regarding.namespace": object.namespace ?? "",
      "regarding.name": object.name ?? "",
      "regarding.uid": object.uid ?? "",
      "regarding.apiVersion": object.apiVersion ?? "",
      "regarding.resourceVersion": object.resourceVersion ?? "",
      "regarding.fieldPath": object.fieldPath ?? "",
      reason: event.reason ?? "",
      reportingController: event.reportingController ?? "",
      type: event.type ?? "",
    };
  },
};

function validateLimitRange(range: LimitRange): FieldError[] {
  const errors: FieldError[] = [];
  const types = new Set<string>();
  range.spec?.limits?.forEach((item, index) => {
    const at = SPEC.child("limits").index(index);
    if (types.has(item.type)) errors.push(duplicate(at.child("type"), item.type));
    types.add(item.type);
    errors.push(...validateLimits(item, at));
  });
  return errors;
}

export const limitRangeStrategy: Strategy<LimitRange> = {
  allowCreateOnUpdate: true,
  defaults: defaultLimitRange,
  prepareForCreate(range) {
    const meta = metadataFor(range);
    if (!meta.name && !meta.generateName) meta.name = randomUUID();
  },
  validate: validateLimitRange,
  validateUpdate: validateLimitRange,
};

export const resourceQuotaStrategy: Strategy<ResourceQuota> = {
  validate: (quota) => validateQuotaSpec(quota.spec, SPEC),
  validateUpdate(next, old) {
    const errors = validateQuotaSpec(next.spec, SPEC);
    const [scopes, before] = [next.spec?.scopes ?? [], new Set<string>(old.spec?.scopes)];
    // As sets: neither order nor repetition is a change.
    if (new Set(scopes).size !== before.size || !scopes.every((scope) => before.has(scope)))
      errors.push(invalid(SPEC.child("scopes"), next.spec?.scopes ?? null, IMMUTABLE));
    return errors;
  },
  subresources: {
    status: { validateUpdate: ({ status }) => validateQuotaStatus(status, FieldPath.root("status")) },
  },
};
