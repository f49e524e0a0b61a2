// AdmissionReview: what is asked, and what may be answered (upstream: admission/plugin/webhook/request).
import type { AdmissionRequest } from "@knots/api/admission/v1";
import type { KubeObject, Status } from "@knots/machinery";
import type { AdmissionAttributes } from "../types.ts";
import { namespaceOf } from "./match.ts";
import type { RequestVersion } from "./versions.ts";

export interface ReviewObjects {
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
}

/** An answer that has been checked. */
export interface ReviewResult {
  readonly allowed: boolean;
  readonly status: Partial<Status> | undefined;
  readonly patch: Buffer | undefined;
  readonly patchType: string;
  readonly auditAnnotations: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

export function admissionReview(
  reviewVersion: string,
  uid: string,
  attributes: AdmissionAttributes,
  matched: RequestVersion,
  requested: RequestVersion,
  { object, oldObject }: ReviewObjects,
): object {
  const { subresource, name, operation, user, dryRun, options } = attributes;
  const namespace = namespaceOf(attributes);
  const request: AdmissionRequest = {
    uid,
    kind: { ...matched.kind },
    resource: resourceOf(matched),
    ...(subresource === "" ? {} : { subResource: subresource }),
    requestKind: { ...requested.kind },
    requestResource: resourceOf(requested),
    ...(subresource === "" ? {} : { requestSubResource: subresource }),
    ...(name === "" ? {} : { name }),
    ...(namespace === "" ? {} : { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined || user.uid === "" ? {} : { uid: user.uid }),
      groups: [...user.groups],
      ...(user.extra === undefined
        ? {}
        : { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
    },
    object: object ?? null,
    oldObject: oldObject ?? null,
    dryRun,
    options: operation === "CONNECT" ? null : options,
  };
  return { kind: "AdmissionReview", apiVersion: `admission.k8s.io/${reviewVersion}`, request };
}

function resourceOf({ group, version, resource }: RequestVersion): {
  group: string;
  version: string;
  resource: string;
} {
  return { group, version, resource };
}

interface RawResponse {
  uid?: string;
  allowed?: boolean;
  status?: Partial<Status>;
  patch?: string;
  patchType?: string;
  auditAnnotations?: Record<string, string>;
  warnings?: string[];
}

/** Throws an Error with upstream's text for an answer that breaks the contract. */
export function verifyReview(
  reviewVersion: "v1" | "v1beta1",
  uid: string,
  mutating: boolean,
  answer: Readonly<Record<string, unknown>>,
): ReviewResult {
  const response = answer["response"] as RawResponse | null | undefined;
  if (response === undefined || response === null) throw new Error("webhook response was absent");
  checkTypes(response);
  const patch =
    response.patch === undefined || response.patch === "" ? undefined : Buffer.from(response.patch, "base64");
  let patchType = response.patchType ?? "";
  if (reviewVersion === "v1") {
    if (response.uid !== uid)
      throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? "")}`);
    checkKind(answer);
    checkPatch(mutating, patch, response.patchType);
  } else if (patch !== undefined) {
    // v1beta1 did not look at the type: there is only one.
    patchType = "JSONPatch";
  }
  return {
    allowed: response.allowed === true,
    status: response.status,
    patch: mutating ? patch : undefined,
    patchType,
    auditAnnotations: response.auditAnnotations ?? {},
    warnings: response.warnings ?? [],
  };
}

/** What Go's decoder would not have taken for an AdmissionResponse. */
function checkTypes(response: RawResponse): void {
  const isText = (value: unknown): boolean => typeof value === "string";
  const isObject = (value: unknown): boolean => typeof value === "object" && !Array.isArray(value);
  const types: Record<keyof RawResponse, (value: unknown) => boolean> = {
    uid: isText,
    allowed: (value) => typeof value === "boolean",
    status: (value) => isObject(value) && ["message", "reason", "status"].every((field) => absentOrText(value, field)),
    patch: isText,
    patchType: isText,
    auditAnnotations: (value) => isObject(value) && Object.values(value as object).every(isText),
    warnings: (value) => Array.isArray(value) && value.every(isText),
  };
  for (const [field, check] of Object.entries(types)) {
    const value: unknown = response[field as keyof RawResponse];
    if (value === null) delete response[field as keyof RawResponse];
    else if (value !== undefined && !check(value)) throw new Error(`response.${field} is not of the right type`);
  }
}

function absentOrText(value: unknown, field: string): boolean {
  const inner = (value as Record<string, unknown>)[field];
  return inner === undefined || typeof inner === "string";
}

function checkKind({ apiVersion, kind }: Readonly<Record<string, unknown>>): void {
  if (apiVersion === "admission.k8s.io/v1" && kind === "AdmissionReview") return;
  const [group, version] =
    typeof apiVersion === "string" && apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  throw new Error(
    `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${group ?? ""}/${typeof version === "string" ? version : ""}, Kind=${typeof kind === "string" ? kind : ""}`,
  );
}

function checkPatch(mutating: boolean, patch: Buffer | undefined, patchType: string | undefined): void {
  if (!mutating) {
    if (patch !== undefined) throw new Error("validating webhook may not return response.patch");
    if (patchType !== undefined) throw new Error("validating webhook may not return response.patchType");
    return;
  }
  if (patch !== undefined && patchType === undefined)
    throw new Error("webhook returned response.patch but not response.patchType");
  if (patch === undefined && patchType !== undefined)
    throw new Error("webhook returned response.patchType but not response.patch");
  if (patch !== undefined && patchType === "") throw new Error('webhook returned invalid response.patchType of ""');
}
