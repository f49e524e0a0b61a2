// Who may decide on certificate requests: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import type { Authorizer } from "../../auth/types.ts";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";

const MASTERS = "system:masters";
const KUBE_APISERVER_CLIENT = "kubernetes.io/kube-apiserver-client";

function isRequest({ group, resource }: AdmissionAttributes): boolean {
  return group === "certificates.k8s.io" && resource === "certificatesigningrequests";
}

/** Whether the user holds `verb` on that signer, or on all of the signer's domain. */
async function mayForSigner(authorizer: Authorizer, { user }: AdmissionAttributes, verb: string, signer: string) {
  for (const name of [signer, `${signer.split("/")[0] ?? ""}/*`]) {
    const { allowed } = await authorizer.authorize({
      user,
      verb,
      namespace: "",
      apiGroup: "certificates.k8s.io",
      apiVersion: "*",
      resource: "signers",
      subresource: "",
      name,
      resourceRequest: true,
      path: "",
    });
    if (allowed === "allow") return true;
  }
  return false;
}

async function requireForSigner(authorizer: Authorizer, attributes: AdmissionAttributes, verb: string): Promise<void> {
  const { spec } = (attributes.oldObject ?? attributes.object) as CertificateSigningRequest;
  if (await mayForSigner(authorizer, attributes, verb, spec.signerName)) return;
  throw forbidden(
    attributes,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(spec.signerName)}`,
  );
}

/** To approve or deny takes the right to do so for that signer, besides the right to write the subresource. */
function certificateApproval(authorizer: () => Authorizer): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    handles: (attributes) =>
      isRequest(attributes) && attributes.subresource === "approval" && attributes.operation === "UPDATE",
    validate: (attributes) => requireForSigner(authorizer(), attributes, "approve"),
  };
}

/** The same for who writes a certificate, or that there will be none. */
function certificateSigning(authorizer: () => Authorizer): AdmissionPlugin {
  const outcome = (object: unknown): string => {
    const { status } = object as CertificateSigningRequest;
    const failed = status?.conditions?.filter(({ type }) => type === "Failed") ?? [];
    return JSON.stringify([status?.certificate ?? "", failed]);
  };
  return {
    name: "CertificateSigning",
    handles: (attributes) =>
      isRequest(attributes) && attributes.subresource === "status" && attributes.operation === "UPDATE",
    async validate(attributes) {
      if (outcome(attributes.object) === outcome(attributes.oldObject)) return;
      await requireForSigner(authorizer(), attributes, "sign");
    },
  };
}

/** No certificate of the cluster's makes an administrator whom RBAC cannot stop. */
const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  handles: (attributes) => isRequest(attributes) && attributes.subresource === "" && attributes.operation === "CREATE",
  async validate(attributes) {
    const { spec } = attributes.object as CertificateSigningRequest;
    if (spec.signerName !== KUBE_APISERVER_CLIENT) return;
    // Few servers ever see such a request: the cryptography is loaded by the first.
    const { parseCertificateRequest } = await import("@knots/machinery/pki/request");
    let organizations: readonly string[];
    try {
      ({ organizations } = parseCertificateRequest(Buffer.from(spec.request, "base64").toString()));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw forbidden(attributes, `failed to parse CSR: ${why}`);
    }
    if (!organizations.includes(MASTERS)) return;
    throw forbidden(attributes, `use of ${KUBE_APISERVER_CLIENT} signer with ${MASTERS} group is not allowed`);
  },
};

/** The plug-ins for certificate requests; the server's authorizer exists only after it has started. */
export function certificatePlugins(authorizer: () => Authorizer): AdmissionPlugin[] {
  return [certificateApproval(authorizer), certificateSigning(authorizer), certificateSubjectRestriction];
}
