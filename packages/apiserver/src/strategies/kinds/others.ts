import type { ControllerRevision } from "@knots/api/apps/v1";
import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import type { Lease } from "@knots/api/coordination/v1";
import type { Binding } from "@knots/api/core/v1";
import type { IPAddress, ServiceCIDR } from "@knots/api/networking/v1";
import type { RuntimeClass } from "@knots/api/node/v1";
import { isDNS1123Label } from "@knots/machinery";
import { withoutFields } from "@knots/machinery/managed-fields/index";
import { keepAllBut } from "../default-strategy.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import { canonicalCidr } from "../../registry/services/ip-range.ts";
import type { Strategy } from "../types.ts";
import { runtimeClassWarnings } from "../warnings/kinds.ts";
import { immutable } from "../validation/metadata.ts";
import { POSITIVE } from "../validation/names.ts";
import { nonNegative } from "../validation/numbers.ts";

const SPEC = FieldPath.root("spec");

function validateLease(lease: Lease): FieldError[] {
  const errors: FieldError[] = [];
  const seconds = lease.spec?.leaseDurationSeconds;
  if (seconds !== undefined && seconds <= 0)
    errors.push(invalid(SPEC.child("leaseDurationSeconds"), seconds, POSITIVE));
  nonNegative(lease.spec?.leaseTransitions, SPEC.child("leaseTransitions"), errors);
  return errors;
}

export const leaseStrategy: Strategy<Lease> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validate: validateLease,
  validateUpdate: validateLease,
};

export const controllerRevisionStrategy: Strategy<ControllerRevision> = {
  validate(revision) {
    const errors: FieldError[] = [];
    if (revision.data === undefined) errors.push(required(FieldPath.root("data"), "data is mandatory"));
    nonNegative(revision.revision, FieldPath.root("revision"), errors);
    return errors;
  },
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.data, old.data, FieldPath.root("data"), errors);
    return errors;
  },
};

export const runtimeClassStrategy: Strategy<RuntimeClass> = {
  warnings: (runtimeClass) => runtimeClassWarnings(runtimeClass),
  validate(runtimeClass) {
    return isDNS1123Label(runtimeClass.handler ?? "").map((message) =>
      invalid(FieldPath.root("handler"), runtimeClass.handler ?? "", message),
    );
  },
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.handler, old.handler, FieldPath.root("handler"), errors);
    return errors;
  },
};

/** What the request's author says of itself comes from who it is, not from the body. */
export const certificateSigningRequestStrategy: Strategy<CertificateSigningRequest> = {
  prepareForCreate(request, ctx) {
    const spec = (request.spec ??= { request: "", signerName: "" });
    spec.username = ctx.user.name;
    if (ctx.user.uid) spec.uid = ctx.user.uid;
    else delete spec.uid;
    spec.groups = [...ctx.user.groups];
    if (ctx.user.extra && Object.keys(ctx.user.extra).length > 0) {
      spec.extra = Object.fromEntries(Object.entries(ctx.user.extra).map(([key, values]) => [key, [...values]]));
    } else delete spec.extra;
  },
  prepareForUpdate(next, old) {
    if (old.spec) next.spec = old.spec;
  },
  validate(request) {
    const errors: FieldError[] = [];
    const spec = request.spec;
    if (!spec?.request) errors.push(required(SPEC.child("request"), ""));
    else if (!Buffer.from(spec.request, "base64").toString().includes("BEGIN CERTIFICATE REQUEST")) {
      const why = "PEM block type must be CERTIFICATE REQUEST";
      errors.push(invalid(SPEC.child("request"), spec.request, why));
    }
    if (!spec?.usages?.length) errors.push(required(SPEC.child("usages"), "usages must be specified"));
    const signer = spec?.signerName ?? "";
    if (!signer) errors.push(required(SPEC.child("signerName"), ""));
    else if (!/^[^/]+\/.+$/.test(signer)) {
      errors.push(
        invalid(
          SPEC.child("signerName"),
          signer,
          "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        ),
      );
    }
    const seconds = spec?.expirationSeconds;
    if (seconds !== undefined && seconds < 600) {
      errors.push(
        invalid(
          SPEC.child("expirationSeconds"),
          seconds,
          "may not specify a duration less than 600 seconds (10 minutes)",
        ),
      );
    }
    return errors;
  },
  fieldLabels: (request) => ({ "spec.signerName": request.spec?.signerName ?? "" }),
  subresources: {
    status: {
      // Approval has a subresource of its own; here only the certificate and what went wrong are written.
      prepareForUpdate(next, old) {
        const kept = (old.status?.conditions ?? []).filter(
          (each) => each.type === "Approved" || each.type === "Denied",
        );
        const others = (next.status?.conditions ?? []).filter(
          (each) => each.type !== "Approved" && each.type !== "Denied",
        );
        const conditions = [...kept, ...others];
        if (conditions.length > 0) next.status = { ...next.status, conditions };
      },
    },
    approval: {
      resetFields: withoutFields(["spec"], ["status", "certificate"]),
      prepareForUpdate(next, old) {
        const conditions = next.status?.conditions ?? [];
        keepAllBut(next, old, ["apiVersion", "kind", "metadata", "status"]);
        next.status = { ...old.status, conditions };
      },
      validateUpdate(next) {
        const types = new Set((next.status?.conditions ?? []).map((each) => each.type));
        if (!types.has("Approved") || !types.has("Denied")) return [];
        const at = FieldPath.root("status").child("conditions");
        return [invalid(at, next.status?.conditions ?? [], "Approved and Denied conditions are mutually exclusive")];
      },
    },
  },
};

export const bindingStrategy: Strategy<Binding> = {
  validate(binding) {
    const errors: FieldError[] = [];
    const at = FieldPath.root("target");
    if (binding.target?.kind && binding.target.kind !== "Node") {
      errors.push(notSupported(at.child("kind"), binding.target.kind, ["Node", "<empty>"]));
    }
    if (!binding.target?.name) errors.push(required(at.child("name"), ""));
    return errors;
  },
};

export const ipAddressStrategy: Strategy<IPAddress> = {
  validate: (address) => (address.spec?.parentRef ? [] : [required(SPEC.child("parentRef"), "")]),
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.spec?.parentRef, old.spec?.parentRef, SPEC.child("parentRef"), errors);
    return errors;
  },
  fieldLabels: (address) => ({
    "spec.parentRef.name": address.spec?.parentRef?.name ?? "",
    "spec.parentRef.namespace": address.spec?.parentRef?.namespace ?? "",
  }),
};

export const serviceCIDRStrategy: Strategy<ServiceCIDR> = {
  validate(range) {
    const errors: FieldError[] = [];
    const cidrs = range.spec?.cidrs ?? [];
    if (cidrs.length === 0) errors.push(required(SPEC.child("cidrs"), "at least one CIDR required"));
    if (cidrs.length > 2) {
      errors.push(invalid(SPEC, range.spec ?? null, "may only hold up to 2 values"));
      return errors;
    }
    const at = SPEC.child("cidrs");
    const families = cidrs.map((cidr) => (cidr.includes(":") ? 6 : 4));
    if (cidrs.length === 2 && families[0] === families[1]) {
      const detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96";
      errors.push(invalid(at, cidrs, detail));
    }
    cidrs.forEach((cidr, index) => {
      const canonical = canonicalCidr(cidr);
      if (canonical === undefined) {
        const detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        errors.push(invalid(at.index(index), cidr, detail));
      } else if (canonical !== cidr)
        errors.push(invalid(at.index(index), cidr, `must be in canonical form (${JSON.stringify(canonical)})`));
    });
    return errors;
  },
  validateUpdate(next, old) {
    if (semanticEqual(next.spec?.cidrs, old.spec?.cidrs)) return [];
    return [forbidden(SPEC.child("cidrs"), "field is immutable")];
  },
};
