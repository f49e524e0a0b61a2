// What Kubernetes' own signers sign: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
import type { CertificateRequest } from "@knots/machinery/pki/request";

export const KUBE_APISERVER_CLIENT = "kubernetes.io/kube-apiserver-client";
export const KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet";
export const KUBELET_SERVING = "kubernetes.io/kubelet-serving";
export const LEGACY_UNKNOWN = "kubernetes.io/legacy-unknown";

/** What is wrong with a request, in upstream's words; undefined: nothing. */
type Problem = string | undefined;

const SIGN_AND_CLIENT = ["client auth", "digital signature"];
const SIGN_AND_SERVER = ["digital signature", "server auth"];

/** Exactly these usages; key encipherment, which only RSA keys need, may be among them. */
function wrongUsages(usages: readonly string[], required: readonly string[]): Problem {
  const asked = new Set(usages);
  const wanted = new Set([...required, ...(asked.has("key encipherment") ? ["key encipherment"] : [])]);
  return asked.symmetricDifference(wanted).size === 0
    ? undefined
    : `usages did not match [${[...required, "key encipherment"].toSorted().join(" ")}]`;
}

function notOfANode({ organizations, commonName }: CertificateRequest): Problem {
  if (organizations.length !== 1 || organizations[0] !== "system:nodes")
    return "subject organization is not system:nodes";
  return commonName.startsWith("system:node:") ? undefined : "subject common name does not begin with system:node:";
}

export function kubeletClientProblem(request: CertificateRequest, usages: readonly string[]): Problem {
  if (request.dnsNames.length > 0) return "DNS subjectAltNames are not allowed";
  if (request.emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
  if (request.ipAddresses.length > 0) return "IP subjectAltNames are not allowed";
  if (request.uris.length > 0) return "URI subjectAltNames are not allowed";
  return notOfANode(request) ?? wrongUsages(usages, SIGN_AND_CLIENT);
}

export function kubeletServingProblem(request: CertificateRequest, usages: readonly string[]): Problem {
  if (request.dnsNames.length === 0 && request.ipAddresses.length === 0) return "DNS or IP subjectAltName is required";
  if (request.emailAddresses.length > 0) return "Email subjectAltNames are not allowed";
  if (request.uris.length > 0) return "URI subjectAltNames are not allowed";
  return wrongUsages(usages, SIGN_AND_SERVER) ?? notOfANode(request);
}

function apiServerClientProblem(_request: CertificateRequest, usages: readonly string[]): Problem {
  const allowed = new Set(["digital signature", "key encipherment", "client auth"]);
  const other = usages.find((usage) => !allowed.has(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes("client auth") ? undefined : "missing required usage for client certificate: client auth";
}

/** The signers of kube-controller-manager, with what each refuses. */
export const SIGNERS: Readonly<Record<string, (request: CertificateRequest, usages: readonly string[]) => Problem>> = {
  [KUBELET_SERVING]: kubeletServingProblem,
  [KUBELET_CLIENT]: kubeletClientProblem,
  [KUBE_APISERVER_CLIENT]: apiServerClientProblem,
  [LEGACY_UNKNOWN]: () => undefined,
};
