import { describe, expect, it } from "vitest";
import { FieldPath, invalid, required } from "./field-path.ts";
import * as errors from "./status-error.ts";

const pods = { group: "", resource: "pods" };
const deployments = { group: "apps", resource: "deployments" };

describe("API errors", () => {
  it.each([
    [errors.newNotFound(pods, "a"), 404, "NotFound", 'pods "a" not found'],
    [errors.newAlreadyExists(deployments, "a"), 409, "AlreadyExists", 'deployments.apps "a" already exists'],
    [errors.newConflict(pods, "a", "x"), 409, "Conflict", 'Operation cannot be fulfilled on pods "a": x'],
    [errors.newBadRequest("x"), 400, "BadRequest", "x"],
    [errors.newForbidden(pods, "a", "x"), 403, "Forbidden", 'pods "a" is forbidden: x'],
    [errors.newForbidden(pods, "", "x"), 403, "Forbidden", "pods is forbidden: x"],
    [errors.newForbidden({ group: "", resource: "" }, "", "x"), 403, "Forbidden", "forbidden: x"],
    [errors.newUnauthorized(""), 401, "Unauthorized", "not authorized"],
    [
      errors.newMethodNotSupported(pods, "patch"),
      405,
      "MethodNotAllowed",
      'patch is not supported on resources of kind "pods"',
    ],
    [errors.newGone("x"), 410, "Gone", "x"],
    [errors.newResourceExpired("x"), 410, "Expired", "x"],
    [errors.newTooManyRequests("x", 3), 429, "TooManyRequests", "x"],
    [errors.newInternalError("x"), 500, "InternalError", "Internal error occurred: x"],
    [errors.newServiceUnavailable("x"), 503, "ServiceUnavailable", "x"],
    [errors.newTimeout("x", 1), 504, "Timeout", "Timeout: x"],
    [
      errors.newServerTimeout(pods, "list", 2),
      500,
      "ServerTimeout",
      "The list operation against pods could not be completed at this time, please try again.",
    ],
    [
      errors.newUnsupportedMediaType(["a/b", "c/d"]),
      415,
      "UnsupportedMediaType",
      "the body of the request was in an unknown format - accepted media types include: a/b, c/d",
    ],
    [errors.newNotAcceptable(["a/b"]), 406, "NotAcceptable", "only the following media types are accepted: a/b"],
    [errors.newRequestEntityTooLarge("x"), 413, "RequestEntityTooLarge", "Request entity too large: x"],
  ])("%#: %s", (error, code, reason, message) => {
    expect(error).toMatchObject({ code, reason, message });
    expect(error.status).toMatchObject({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message });
  });

  it("lists every cause of an invalid object, and each text once", () => {
    const path = FieldPath.root("spec");
    const one = errors.newInvalid({ group: "apps", kind: "Deployment" }, "a", [required(path.child("x"), "")]);
    expect(one.message).toBe('Deployment.apps "a" is invalid: spec.x: Required value');
    const again = invalid(path.child("y"), 1, "no");
    const many = errors.newInvalid({ group: "", kind: "Pod" }, "a", [required(path.child("x")), again, again]);
    expect(many.message).toBe('Pod "a" is invalid: [spec.x: Required value, spec.y: Invalid value: 1: no]');
    expect(many.status.details).toEqual({
      name: "a",
      kind: "Pod",
      causes: [
        { reason: "FieldValueRequired", message: "Required value", field: "spec.x" },
        { reason: "FieldValueInvalid", message: "Invalid value: 1: no", field: "spec.y" },
        { reason: "FieldValueInvalid", message: "Invalid value: 1: no", field: "spec.y" },
      ],
    });
  });

  it("tells no more faults of an object than an answer can hold", () => {
    const path = FieldPath.root("spec");
    const faults = Array.from({ length: 20_000 }, () => invalid(path, "", "x".repeat(1000)));
    const error = errors.newInvalid({ group: "", kind: "Pod" }, "a", faults);
    const { causes = [] } = error.status.details ?? {};
    expect(causes.length).toBeGreaterThan(1000);
    expect(JSON.stringify(error.status).length).toBeLessThan(4_000_000);
    expect(error.message.endsWith(`, and ${20_000 - causes.length} more]`)).toBe(true);
    // One alone is told whole.
    const value = "y".repeat(3_000_000);
    const long = errors.newInvalid({ group: "", kind: "Pod" }, "a", [invalid(path, value, "no")]);
    expect(long.message === `Pod "a" is invalid: spec: Invalid value: "${value}": no`).toBe(true);
  });

  it("says when to come back", () => {
    expect(errors.newTooManyRequests("x", 3).status.details?.retryAfterSeconds).toBe(3);
  });
});

describe("telling errors apart", () => {
  it("goes by reason, and knows no other errors", () => {
    expect(errors.isNotFound(errors.newNotFound(pods, "a"))).toBe(true);
    expect(errors.isConflict(errors.newAlreadyExists(pods, "a"))).toBe(false);
    expect(errors.isGone(errors.newResourceExpired("x"))).toBe(true);
    expect(errors.isGone(errors.newGone("x"))).toBe(true);
    expect(errors.isNotFound(new Error("NotFound"))).toBe(false);
    expect(errors.reasonForError(undefined)).toBe("");
  });

  it("makes an internal error of anything else, keeping the cause", () => {
    const cause = new Error("boom");
    const made = errors.StatusError.from(cause);
    expect(made).toMatchObject({ code: 500, reason: "InternalError", message: "Internal error occurred: boom", cause });
    expect(errors.StatusError.from(made)).toBe(made);
    expect(errors.isNotFound(errors.StatusError.fromStatus(errors.newNotFound(pods, "a").status))).toBe(true);
  });
});
