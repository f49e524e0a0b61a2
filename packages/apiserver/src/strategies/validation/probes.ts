import type { ExecAction, HTTPGetAction, Lifecycle, Probe } from "@knots/api/core/v1";
import { isQualifiedName, isValidPortName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, notSupported, required } from "../field.ts";
import { NON_NEGATIVE, POSITIVE, isValidPortNumber } from "./names.ts";

interface Handler {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: { readonly port: number | string };
  readonly grpc?: { readonly port: number };
  readonly sleep?: { readonly seconds: number };
}

export function validateProbe(probe: Probe | undefined, path: FieldPath, errors: FieldError[]): void {
  if (!probe) return;
  validateHandler(probe, path, errors);
  for (const field of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const) {
    const value = probe[field] ?? 0;
    if (value < 0) errors.push(invalid(path.child(field), value, NON_NEGATIVE));
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    errors.push(invalid(path.child("terminationGracePeriodSeconds"), grace, POSITIVE));
  }
}

/** Liveness and startup probes succeed at the first success; readiness has no grace period of its own. */
export function validateContainerProbes(
  probes: { livenessProbe?: Probe; readinessProbe?: Probe; startupProbe?: Probe },
  path: FieldPath,
  errors: FieldError[],
): void {
  for (const name of ["livenessProbe", "startupProbe"] as const) {
    const probe = probes[name];
    validateProbe(probe, path.child(name), errors);
    if (probe && probe.successThreshold !== 1) {
      errors.push(invalid(path.child(name).child("successThreshold"), probe.successThreshold ?? 0, "must be 1"));
    }
  }
  const readiness = probes.readinessProbe;
  validateProbe(readiness, path.child("readinessProbe"), errors);
  if (readiness?.terminationGracePeriodSeconds !== undefined) {
    const field = path.child("readinessProbe").child("terminationGracePeriodSeconds");
    errors.push(invalid(field, readiness.terminationGracePeriodSeconds, "must not be set for readinessProbes"));
  }
}

export function validateLifecycle(
  lifecycle: Lifecycle | undefined,
  grace: number | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (lifecycle?.postStart) validateHandler(lifecycle.postStart, path.child("postStart"), errors, grace);
  if (lifecycle?.preStop) validateHandler(lifecycle.preStop, path.child("preStop"), errors, grace);
}

/** Exactly one way to act. */
function validateHandler(handler: Handler, path: FieldPath, errors: FieldError[], grace?: number): void {
  let count = 0;
  const once = (name: keyof Handler, check: (at: FieldPath) => void): void => {
    if (handler[name] === undefined) return;
    if (count > 0) errors.push(forbidden(path.child(name), "may not specify more than 1 handler type"));
    else check(path.child(name));
    count++;
  };
  once("exec", (at) => {
    if (!handler.exec?.command?.length) errors.push(required(at.child("command"), ""));
  });
  once("httpGet", (at) => handler.httpGet && validateHttpGet(handler.httpGet, at, errors));
  once("tcpSocket", (at) => validatePort(handler.tcpSocket?.port, at.child("port"), errors));
  once("grpc", (at) => {
    for (const message of isValidPortNumber(handler.grpc?.port ?? 0)) {
      errors.push(invalid(at.child("port"), handler.grpc?.port ?? 0, message));
    }
  });
  once("sleep", (at) => {
    const { seconds = 0 }: { seconds?: number } = handler.sleep ?? {};
    // Without a period there is another error to tell of.
    if (grace === undefined || (seconds >= 0 && seconds <= grace)) return;
    const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
    errors.push(invalid(at, seconds, why));
  });
  if (count === 0) errors.push(required(path, "must specify a handler type"));
}

function validateHttpGet(action: HTTPGetAction, path: FieldPath, errors: FieldError[]): void {
  if (!action.path) errors.push(required(path.child("path"), ""));
  validatePort(action.port, path.child("port"), errors);
  if (action.scheme !== "HTTP" && action.scheme !== "HTTPS") {
    errors.push(notSupported(path.child("scheme"), action.scheme ?? "", ["HTTP", "HTTPS"]));
  }
  for (const header of action.httpHeaders ?? []) {
    if (!/^[-A-Za-z0-9]+$/.test(header.name)) {
      const why =
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
      errors.push(invalid(path.child("httpHeaders"), header.name, why));
    }
  }
}

/** A port by number or by name. */
export function validatePort(port: number | string | undefined, path: FieldPath, errors: FieldError[]): void {
  const messages = typeof port === "string" ? isValidPortName(port) : isValidPortNumber(port ?? 0);
  for (const message of messages) errors.push(invalid(path, port ?? 0, message));
}

/** Conditions that must be true for readiness. */
export function validateReadinessGates(
  gates: readonly { conditionType: string }[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  gates?.forEach((gate, index) => {
    for (const message of isQualifiedName(gate.conditionType)) {
      errors.push(invalid(path.index(index).child("conditionType"), gate.conditionType, message));
    }
  });
}
