import type { TypedLocalObjectReference } from "@knots/api/core/v1";
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressRule,
  IngressTLS,
} from "@knots/api/networking/v1";
import { isDNS1123Label, isDNS1123Subdomain, isValidPortName } from "@knots/machinery";
import { defaultIngress } from "../defaults/services.ts";
import { FieldPath, forbidden, invalid, notSupported, required, tooLong } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { parseAddress, validateLegacyIp } from "../validation/addresses.ts";
import { validateDomainPrefixedPath } from "../validation/domain-path.ts";
import { immutable } from "../validation/metadata.ts";
import { invalidFor, isValidPortNumber, isWildcardDNS1123Subdomain, nameIsPathSegment } from "../validation/names.ts";
import { ingressWarnings } from "../warnings/kinds.ts";

const SPEC = FieldPath.root("spec");
const CLASS_ANNOTATION = "kubernetes.io/ingress.class";
const PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"];
/** What servers and proxies understand in different ways. */
const BAD_PARTS = ["//", "/./", "/../", "%2f", "%2F"];
const BAD_ENDS = ["/..", "/."];
const MAX_CONTROLLER = 250;
const NO_IP = "must be a DNS name, not an IP address";

/** Old objects may have what new ones may not. */
interface Leniency {
  readonly secretName: boolean;
  readonly wildcardRule: boolean;
}

const STRICT: Leniency = { secretName: false, wildcardRule: false };

const isHost = (host: string): string[] =>
  host.includes("*") ? isWildcardDNS1123Subdomain(host) : isDNS1123Subdomain(host);

function validateBackend({ service, resource }: IngressBackend, path: FieldPath, errors: FieldError[]): void {
  if (service && resource) return void errors.push(invalid(path, "", "cannot set both resource and service backends"));
  if (resource) return validateReference(resource, path.child("resource"), errors);
  if (!service) return void errors.push(invalid(path, "", "resource or service backend is required"));
  const at = path.child("service");
  if (!service.name) errors.push(required(at.child("name"), ""));
  else invalidFor(isDNS1123Label(service.name), service.name, at.child("name"), errors);
  const { name = "", number = 0 } = service.port ?? {};
  const port = at.child("port");
  if (name !== "" && number !== 0) errors.push(invalid(path, "", "cannot set both port name & port number"));
  else if (name !== "") invalidFor(isValidPortName(name), name, port.child("name"), errors);
  else if (number !== 0) invalidFor(isValidPortNumber(number), number, port.child("number"), errors);
  else errors.push(required(path, "port name or number is required"));
}

function validateReference(
  { apiGroup, kind, name }: TypedLocalObjectReference,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (apiGroup !== undefined) invalidFor(isDNS1123Subdomain(apiGroup), apiGroup, path.child("apiGroup"), errors);
  for (const [field, value] of Object.entries({ kind, name })) {
    if (!value) errors.push(required(path.child(field), `${field} is required`));
    else invalidFor(nameIsPathSegment(value, false), value, path.child(field), errors);
  }
}

function validatePath({ path: text = "", pathType, backend }: HTTPIngressPath, path: FieldPath, errors: FieldError[]) {
  if (!pathType && pathType !== "")
    return void errors.push(required(path.child("pathType"), "pathType must be specified"));
  const at = path.child("path");
  if (!PATH_TYPES.includes(pathType)) errors.push(notSupported(path.child("pathType"), pathType, PATH_TYPES));
  else if (pathType === "ImplementationSpecific") {
    if (text !== "" && !text.startsWith("/")) errors.push(invalid(at, text, "must be an absolute path"));
  } else {
    if (!text.startsWith("/")) errors.push(invalid(at, text, "must be an absolute path"));
    for (const part of BAD_PARTS) if (text.includes(part)) errors.push(invalid(at, text, `must not contain '${part}'`));
    for (const end of BAD_ENDS) if (text.endsWith(end)) errors.push(invalid(at, text, `cannot end with '${end}'`));
  }
  validateBackend(backend, path.child("backend"), errors);
}

function validateRuleValue({ http }: IngressRule, path: FieldPath, errors: FieldError[]): void {
  if (!http) return;
  const at = path.child("http").child("paths");
  const paths = http.paths ?? [];
  if (paths.length === 0) errors.push(required(at, ""));
  for (const [index, each] of paths.entries()) validatePath(each, at.index(index), errors);
}

function validateRule(rule: IngressRule, lenient: Leniency, path: FieldPath, errors: FieldError[]): void {
  const { host = "" } = rule;
  if (host !== "") {
    if (parseAddress(host) !== undefined) errors.push(invalid(path.child("host"), host, NO_IP));
    invalidFor(isHost(host), host, path.child("host"), errors);
  }
  if (!host.includes("*") || !lenient.wildcardRule) validateRuleValue(rule, path, errors);
}

function validateTLS(
  { hosts = [], secretName = "" }: IngressTLS,
  lenient: Leniency,
  path: FieldPath,
  errors: FieldError[],
) {
  for (const [index, host] of hosts.entries()) invalidFor(isHost(host), host, path.child("hosts").index(index), errors);
  if (!lenient.secretName && secretName !== "")
    invalidFor(isDNS1123Subdomain(secretName), secretName, path.child("secretName"), errors);
}

function validateIngress({ spec = {} }: Ingress, lenient: Leniency): FieldError[] {
  const errors: FieldError[] = [];
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  if (rules.length === 0 && !defaultBackend)
    errors.push(invalid(SPEC, rules, "either `defaultBackend` or `rules` must be specified"));
  if (defaultBackend) validateBackend(defaultBackend, SPEC.child("defaultBackend"), errors);
  for (const [index, rule] of rules.entries()) validateRule(rule, lenient, SPEC.child("rules").index(index), errors);
  for (const [index, each] of tls.entries()) validateTLS(each, lenient, SPEC.child("tls").index(index), errors);
  if (ingressClassName !== undefined)
    invalidFor(isDNS1123Subdomain(ingressClassName), ingressClassName, SPEC.child("ingressClassName"), errors);
  return errors;
}

function leniencyOf({ spec = {} }: Ingress): Leniency {
  const broken = (rule: IngressRule): boolean => {
    const errors: FieldError[] = [];
    validateRuleValue(rule, SPEC, errors);
    return errors.length > 0;
  };
  return {
    secretName: (spec.tls ?? []).some(
      ({ secretName = "" }) => secretName !== "" && isDNS1123Subdomain(secretName).length > 0,
    ),
    wildcardRule: (spec.rules ?? []).some((rule) => rule.host?.includes("*") === true && broken(rule)),
  };
}

export const ingressStrategy: Strategy<Ingress> = {
  defaults: defaultIngress,
  validate(ingress) {
    const errors = validateIngress(ingress, STRICT);
    const annotation = ingress.metadata?.annotations?.[CLASS_ANNOTATION];
    const name = ingress.spec?.ingressClassName;
    if (annotation !== undefined && name !== undefined && annotation !== name) {
      const path = FieldPath.root("annotations").child(CLASS_ANNOTATION);
      errors.push(invalid(path, annotation, "must match `ingressClassName` when both are specified"));
    }
    return errors;
  },
  validateUpdate: (next, old) => validateIngress(next, leniencyOf(old)),
  warnings: ingressWarnings,
  subresources: {
    status: {
      validateUpdate(next, old) {
        const errors: FieldError[] = [];
        const path = FieldPath.root("status").child("loadBalancer").child("ingress");
        const known = new Set((old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []));
        for (const [index, { ip, hostname }] of (next.status?.loadBalancer?.ingress ?? []).entries()) {
          const at = path.index(index);
          if (ip) validateLegacyIp(ip, at.child("ip"), errors, known);
          if (!hostname) continue;
          invalidFor(isDNS1123Subdomain(hostname), hostname, at.child("hostname"), errors);
          if (parseAddress(hostname) !== undefined) errors.push(invalid(at.child("hostname"), hostname, NO_IP));
        }
        return errors;
      },
    },
  },
};

function validateClass({ spec }: IngressClass): FieldError[] {
  const errors: FieldError[] = [];
  const { controller = "", parameters } = spec ?? {};
  const at = SPEC.child("controller");
  if (controller.length > MAX_CONTROLLER) errors.push(tooLong(at, "", MAX_CONTROLLER));
  validateDomainPrefixedPath(controller, at, errors);
  if (!parameters) return errors;
  const path = SPEC.child("parameters");
  validateReference(parameters, path, errors);
  const { scope, namespace } = parameters;
  if (scope === undefined) errors.push(required(path.child("scope"), ""));
  else if (scope !== "Cluster" && scope !== "Namespace")
    errors.push(notSupported(path.child("scope"), scope, ["Cluster", "Namespace"]));
  else if (scope === "Namespace") {
    if (namespace === undefined)
      errors.push(required(path.child("namespace"), "`parameters.scope` is set to 'Namespace'"));
    else invalidFor(isDNS1123Label(namespace), namespace, path.child("namespace"), errors);
  } else if (namespace !== undefined)
    errors.push(forbidden(path.child("namespace"), "`parameters.scope` is set to 'Cluster'"));
  return errors;
}

export const ingressClassStrategy: Strategy<IngressClass> = {
  validate: validateClass,
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.spec?.controller, old.spec?.controller, SPEC.child("controller"), errors);
    return [...errors, ...validateClass(next)];
  },
};
