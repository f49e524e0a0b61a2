// CertificateSigningRequests from the asking to the certificate, against a real API server.
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import { certificateSigningRequests } from "@knots/api/certificates/v1";
import { clusterRoleBindings } from "@knots/api/rbac/v1";
import { ControllerManager } from "@knots/controllers";
import { nullLogger, RealClock } from "@knots/machinery";
import { newCA } from "@knots/machinery/pki/index";
import type { KeyPair } from "@knots/machinery/pki/index";
import { newCertificateRequest } from "@knots/machinery/pki/request";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
let manager: ControllerManager;
let ca: KeyPair;
beforeAll(async () => {
  environment = await TestEnvironment.start();
  ca = await newCA("signer");
  manager = new ControllerManager({
    client: environment.client,
    clock: new RealClock(),
    logger: nullLogger,
    controllers: ["certificatesigningrequest-approving-controller", "certificatesigningrequest-signing-controller"],
    options: { clusterSigningCert: ca.certPem, clusterSigningKey: ca.keyPem },
  });
  await manager.start();
});
afterAll(async () => {
  await manager[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

const client = () => environment.client.resource(certificateSigningRequests);

async function request(commonName: string, ...organizations: string[]): Promise<string> {
  const made = await newCertificateRequest({ commonName, organizations });
  return Buffer.from(made.request).toString("base64");
}
async function approve(name: string): Promise<void> {
  const csr = await client().get(name);
  const conditions = [{ type: "Approved", status: "True", reason: "Test" }];
  await client().updateSubresource("approval", { ...csr, status: { conditions } });
}
async function until(
  name: string,
  ready: (csr: CertificateSigningRequest) => boolean,
): Promise<CertificateSigningRequest> {
  return await vi.waitFor(
    async () => {
      const csr = await client().get(name);
      expect(ready(csr)).toBe(true);
      return csr;
    },
    { timeout: 10_000, interval: 20 },
  );
}

test("a client certificate: approved by hand, signed for as long as asked", async () => {
  await client().create({
    metadata: { name: "jane" },
    spec: {
      request: await request("jane", "dev", "ops"),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
      expirationSeconds: 3600,
    },
  });
  await approve("jane");
  const { status } = await until("jane", (csr) => csr.status?.certificate !== undefined);
  const certificate = new X509Certificate(Buffer.from(status?.certificate ?? "", "base64"));
  expect(certificate.checkIssued(new X509Certificate(ca.certPem))).toBe(true);
  expect(certificate.verify(new X509Certificate(ca.certPem).publicKey)).toBe(true);
  expect(certificate.subject.split("\n").toSorted()).toEqual(["CN=jane", "O=dev", "O=ops"]);
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(3_900_000);
});

test("what the signer does not sign fails, with the reason", async () => {
  await client().create({
    metadata: { name: "wrong" },
    spec: {
      request: await request("system:node:a", "system:nodes"),
      signerName: "kubernetes.io/kubelet-serving",
      usages: ["digital signature", "server auth"],
    },
  });
  await approve("wrong");
  const { status } = await until("wrong", (csr) => (csr.status?.conditions?.length ?? 0) > 1);
  expect(status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
    reason: "SignerValidationFailure",
    message: "DNS or IP subjectAltName is required",
  });
});

test("a kubelet's own certificate: approved where RBAC allows it", async () => {
  const spec = {
    request: await request("system:node:a", "system:nodes"),
    signerName: "kubernetes.io/kube-apiserver-client-kubelet",
    usages: ["digital signature", "key encipherment", "client auth"],
  };
  await environment.client.resource(clusterRoleBindings).create({
    metadata: { name: "bootstrap" },
    roleRef: {
      apiGroup: "rbac.authorization.k8s.io",
      kind: "ClusterRole",
      name: "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
    },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "system:masters" }],
  });
  await client().create({ metadata: { name: "kubelet" }, spec });
  const { status } = await until("kubelet", (csr) => csr.status?.certificate !== undefined);
  expect(status?.conditions).toMatchObject([
    {
      type: "Approved",
      reason: "AutoApproved",
      message: "Auto approving kubelet client certificate after SubjectAccessReview.",
    },
  ]);
});

test("another's signer is left alone; masters are not made this way", async () => {
  const spec = { request: await request("a", "system:masters"), usages: ["client auth"] };
  await client().create({ metadata: { name: "other" }, spec: { ...spec, signerName: "example.com/own" } });
  await expect(
    client().create({ metadata: { name: "no" }, spec: { ...spec, signerName: "kubernetes.io/kube-apiserver-client" } }),
  ).rejects.toThrow("use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed");
  await approve("other");
  expect((await client().get("other")).status?.certificate).toBeUndefined();
});
