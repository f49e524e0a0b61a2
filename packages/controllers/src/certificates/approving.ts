import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import { certificateSigningRequests } from "@knots/api/certificates/v1";
import type { Client } from "@knots/client";
import { formatTime } from "@knots/machinery";
import { parseCertificateRequest } from "@knots/machinery/pki/request";
import type { CertificateRequest } from "@knots/machinery/pki/request";
import { messageOf } from "../framework/pod-control.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { requestController } from "./request-controller.ts";
import { kubeletClientProblem, KUBELET_CLIENT } from "./rules.ts";
import { isDecided, isIssued, pemOf } from "./state.ts";

const NAME = "certificatesigningrequest-approving-controller";
/** Ms until a request is looked at again whose author may not (yet) have it approved. */
const AGAIN = 60_000;

export interface Recognized {
  /** The subresource of certificatesigningrequests that the author must be allowed to create. */
  readonly permission: "selfnodeclient" | "nodeclient";
  readonly message: string;
}

/** The rights that would have this request approved, in order of trial: a node's renewal of its own, a node's first. Pure. */
export function recognize(csr: CertificateSigningRequest, request: CertificateRequest): Recognized[] {
  const { signerName, usages = [], username } = csr.spec;
  if (signerName !== KUBELET_CLIENT || kubeletClientProblem(request, usages) !== undefined) return [];
  const node: Recognized = {
    permission: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
  };
  if (username !== request.commonName) return [node];
  return [
    {
      permission: "selfnodeclient",
      message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
    },
    node,
  ];
}

async function mayCreate(client: Client, { spec }: CertificateSigningRequest, subresource: string): Promise<boolean> {
  const review = (await client.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: spec.username,
        uid: spec.uid,
        groups: spec.groups,
        extra: spec.extra,
        resourceAttributes: {
          group: "certificates.k8s.io",
          version: "*",
          resource: "certificatesigningrequests",
          subresource,
          verb: "create",
        },
      },
    },
  })) as { status?: { allowed?: boolean } };
  return review.status?.allowed === true;
}

/** Approves kubelets' requests for client certificates where RBAC lets their authors have them. */
export const csrApprovingController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) =>
    requestController(ctx, NAME, async (csr) => {
      if (isIssued(csr) || isDecided(csr)) return;
      let request: CertificateRequest;
      try {
        request = parseCertificateRequest(pemOf(csr.spec.request));
      } catch (error) {
        // It stays pending, and is cleaned up: the spec cannot change.
        ctx.logger.warn({ csr: csr.metadata?.name, error: messageOf(error) }, "unable to parse csr");
        return;
      }
      const recognized = recognize(csr, request);
      for (const { permission, message } of recognized) {
        if (!(await mayCreate(ctx.client, csr, permission))) continue;
        const now = formatTime(new Date(ctx.clock.now()));
        const approved = {
          type: "Approved",
          status: "True",
          reason: "AutoApproved",
          message,
          lastUpdateTime: now,
          lastTransitionTime: now,
        };
        const status = { ...csr.status, conditions: [...(csr.status?.conditions ?? []), approved] };
        await ctx.client.resource(certificateSigningRequests).updateSubresource("approval", { ...csr, status });
        return;
      }
      if (recognized.length === 0) return;
      const tried = recognized.map(({ permission }) => permission).join(" ");
      ctx.logger.info(
        { csr: csr.metadata?.name },
        `recognized csr as [${tried}] but subject access review was not approved`,
      );
      return { requeueAfterMs: AGAIN };
    }),
};
