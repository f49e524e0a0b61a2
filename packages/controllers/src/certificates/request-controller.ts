import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import { certificateSigningRequests } from "@knots/api/certificates/v1";
import { isNotFound } from "@knots/machinery";
import { QueueController } from "../framework/queue-controller.ts";
import type { Controller, ControllerContext } from "../framework/types.ts";

/** A controller that looks at each CertificateSigningRequest when it is new or changed. Objects are the cache's: not to be changed. */
export function requestController(
  ctx: ControllerContext,
  name: string,
  handle: (csr: CertificateSigningRequest) => Promise<void | { requeueAfterMs: number }>,
): Controller {
  const informer = ctx.informers.informer(certificateSigningRequests);
  const controller = new QueueController({
    name,
    ctx,
    workers: 5,
    baseDelayMs: 200,
    async reconcile(key) {
      const csr = informer.lister.get(key);
      if (csr === undefined) return;
      try {
        return await handle(csr);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  });
  const enqueue = (csr: CertificateSigningRequest): void => controller.enqueue(csr);
  controller.own(informer.addHandler({ add: enqueue, update: (_old, csr) => enqueue(csr) }));
  return controller;
}
