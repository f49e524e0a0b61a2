import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "@knots/api/certificates/v1";
import { certificateSigningRequests } from "@knots/api/certificates/v1";
import { formatTime } from "@knots/machinery";
import { parseCertificateRequest, signCertificateRequest } from "@knots/machinery/pki/request";
import type { SignerFiles } from "../framework/options.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { idle } from "../rootca/controller.ts";
import { requestController } from "./request-controller.ts";
import { SIGNERS } from "./rules.ts";
import { isApproved, isFailed, isIssued, pemOf } from "./state.ts";

const NAME = "certificatesigningrequest-signing-controller";
const MINUTE = 60_000;
/** Certificates are good a little into the past, for clocks that differ. */
const BACKDATE = 5 * MINUTE;
/** Those that last less than this keep their full life from now on. */
const SHORT = 8 * 60 * MINUTE;

/** Ms the certificate is to last: what was asked for, at least ten minutes, at most what the flag says. Pure. */
export function lifetime(expirationSeconds: number | undefined, most: number): number {
  if (expirationSeconds === undefined) return most;
  return Math.min(most, Math.max(10 * MINUTE, expirationSeconds * 1000));
}

/** From when to when. Pure. */
export function validity(now: number, life: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - BACKDATE), notAfter: new Date(now + (life < SHORT ? life : life - BACKDATE)) };
}

function signerOf({ options }: ControllerContext, signerName: string): SignerFiles | undefined {
  const { clusterSigningCert: cert, clusterSigningKey: key, signers } = options;
  return signers?.[signerName] ?? (cert === undefined || key === undefined ? undefined : { cert, key });
}

/** What becomes of an approved request: a certificate, or a reason why none. */
async function sign(
  csr: CertificateSigningRequest,
  { cert, key }: SignerFiles,
  life: number,
  now: number,
): Promise<NonNullable<CertificateSigningRequest["status"]>> {
  const { signerName, usages = [], expirationSeconds } = csr.spec;
  const request = pemOf(csr.spec.request);
  const problem = SIGNERS[signerName]?.(parseCertificateRequest(request), usages);
  if (problem !== undefined) {
    const time = formatTime(new Date(now));
    const failed: CertificateSigningRequestCondition = {
      type: "Failed",
      status: "True",
      reason: "SignerValidationFailure",
      message: problem,
      lastUpdateTime: time,
      lastTransitionTime: time,
    };
    return { ...csr.status, conditions: [...(csr.status?.conditions ?? []), failed] };
  }
  const pem = await signCertificateRequest({
    ca: { certPem: cert, keyPem: key },
    request,
    usages,
    ...validity(now, lifetime(expirationSeconds, life)),
  });
  return { ...csr.status, certificate: Buffer.from(pem).toString("base64") };
}

/** Signs approved requests to Kubernetes' own signers. */
export const csrSigningController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    if (!Object.keys(SIGNERS).some((name) => signerOf(ctx, name) !== undefined)) {
      ctx.logger.warn(
        "no --cluster-signing-cert-file and --cluster-signing-key-file: approved requests are not signed",
      );
      return idle(NAME);
    }
    return requestController(ctx, NAME, async (csr) => {
      if (isIssued(csr) || !isApproved(csr) || isFailed(csr)) return;
      const signer = csr.spec.signerName in SIGNERS ? signerOf(ctx, csr.spec.signerName) : undefined;
      if (signer === undefined) return;
      const status = await sign(csr, signer, ctx.options.clusterSigningDuration, ctx.clock.now());
      await ctx.client.resource(certificateSigningRequests).updateStatus({ ...csr, status });
    });
  },
};
