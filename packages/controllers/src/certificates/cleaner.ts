import { certificateSigningRequests } from "@knots/api/certificates/v1";
import { metaOf } from "../framework/objects.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { requestController } from "./request-controller.ts";
import { expiry } from "./state.ts";

const NAME = "certificatesigningrequest-cleaner-controller";

/** Deletes requests that have served their time. */
export const csrCleanerController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) =>
    requestController(ctx, NAME, async (csr) => {
      const at = expiry(csr);
      if (at === undefined) return;
      const left = at - ctx.clock.now();
      if (left > 0) return { requeueAfterMs: left };
      const { name, uid } = metaOf(csr);
      await ctx.client.resource(certificateSigningRequests).delete(name, { preconditions: { uid } });
    }),
};
