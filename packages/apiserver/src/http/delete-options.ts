// DeleteOptions as upstream reads them (handlers/delete.go): from the body, or from the query where there is no body.
import { schemaFor, validateShape } from "@knots/api";
import { newBadRequest, newInvalid, invalid, notSupported } from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";
import type { DeleteOptions } from "../registry/deletion.ts";
import { goJsonType } from "./body-problem.ts";
import type { Codecs } from "./codecs.ts";
import { integerParam, OPTIONS_GROUP, validateDryRun } from "./options.ts";
import { boolParam } from "./request-info.ts";

const KIND = "DeleteOptions";
const META = "meta.k8s.io/v1";
const POLICIES = ["Foreground", "Background", "Orphan"];
/** Kinds that upstream reads in every version, DeleteOptions among them: old clients send those of the object's group. */
const UNVERSIONED = new Set([
  "CreateOptions",
  "UpdateOptions",
  "Status",
  "APIVersions",
  "APIGroupList",
  "APIGroup",
  "APIResourceList",
]);
const IN_META = new Set([
  "WatchEvent",
  "ListOptions",
  "GetOptions",
  "PatchOptions",
  "Table",
  "TableOptions",
  "PartialObjectMetadata",
  "PartialObjectMetadataList",
]);
const SCHEME = "pkg/apis/meta/internalversion/scheme/register.go:27";
const SCHEMA = schemaFor({ group: "", version: "v1", kind: KIND });

type Sent = Omit<DeleteOptions, "preconditions"> & { readonly preconditions?: DeleteOptions["preconditions"] | null };

/** Throws UnsupportedMediaType, BadRequest, or Invalid. */
export function readDeleteOptions(
  codecs: Codecs,
  contentType: string | undefined,
  body: Uint8Array,
  query: URLSearchParams,
): DeleteOptions {
  const { gracePeriodSeconds, orphanDependents, propagationPolicy, preconditions, dryRun } =
    body.length === 0 ? fromQuery(query) : fromBody(codecs, contentType, body);
  const errors: FieldError[] = [];
  if (propagationPolicy !== undefined) {
    if (orphanDependents !== undefined) {
      const detail = "orphanDependents and deletionPropagation cannot be both set";
      errors.push(invalid("propagationPolicy", propagationPolicy, detail));
    }
    if (!POLICIES.includes(propagationPolicy))
      errors.push(notSupported("propagationPolicy", propagationPolicy, [...POLICIES, "nil"]));
  }
  validateDryRun(dryRun ?? [], errors);
  if (errors.length > 0) throw newInvalid({ ...OPTIONS_GROUP, kind: KIND }, "", errors);
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(preconditions === undefined || preconditions === null ? {} : { preconditions }),
    ...(dryRun === undefined || dryRun.length === 0 ? {} : { dryRun: ["All"] }),
  };
}

function fromQuery(query: URLSearchParams): Sent {
  const gracePeriodSeconds = integerParam(query, "gracePeriodSeconds");
  const propagationPolicy = query.get("propagationPolicy") ?? undefined;
  const uid = query.get("uid") ?? "";
  const resourceVersion = query.get("resourceVersion") ?? "";
  const preconditions = {
    ...(uid === "" ? {} : { uid }),
    ...(resourceVersion === "" ? {} : { resourceVersion }),
  };
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(query.has("orphanDependents") ? { orphanDependents: boolParam(query, "orphanDependents") } : {}),
    ...(uid === "" && resourceVersion === "" ? {} : { preconditions }),
    dryRun: query.getAll("dryRun"),
  };
}

function fromBody(codecs: Codecs, contentType: string | undefined, body: Uint8Array): Sent {
  const codec = codecs.forBody(contentType);
  const value = codecs.decodeValue(codec, body, newBadRequest);
  checkKind(value);
  if (SCHEMA === undefined) throw new Error("the schema data lack DeleteOptions");
  const [problem] = validateShape(SCHEMA, value, { mode: "ignore" }).errors;
  if (problem !== undefined) throw newBadRequest(problem);
  return value as Sent;
}

function checkKind(value: KubeObject): void {
  const apiVersion = textField(value, "apiVersion");
  const parts = apiVersion.split("/");
  if (parts.length > 2) throw newBadRequest(`unexpected GroupVersion string: ${apiVersion}`);
  const kind = textField(value, "kind");
  if (kind === "" || kind === KIND) return;
  const version = apiVersion === "" || apiVersion === "/" ? META : apiVersion;
  if (UNVERSIONED.has(kind) || (version === META && IN_META.has(kind)))
    throw newBadRequest(`converting (v1.${kind}) to (v1.${KIND}): unknown conversion`);
  throw newBadRequest(
    `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(version)} in scheme "${SCHEME}"`,
  );
}

function textField(object: KubeObject, field: "kind" | "apiVersion"): string {
  const value: unknown = object[field] ?? "";
  if (typeof value === "string") return value;
  throw newBadRequest(
    `couldn't get version/kind; json parse error: json: cannot unmarshal ${goJsonType(value)} into Go struct field .${field} of type string`,
  );
}
