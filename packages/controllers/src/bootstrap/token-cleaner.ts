import { secrets } from "@knots/api/core/v1";
import { bootstrapTokenEnd, isConflict, isNotFound } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { bootstrapTokens } from "./tokens.ts";

const NAME = "token-cleaner-controller";

/** Deletes the Secrets of bootstrap tokens when they expire. */
export const tokenCleanerController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: false,
  init(ctx) {
    const { client, clock, logger } = ctx;
    const tokens = bootstrapTokens(ctx.informers);
    const controller = new QueueController({
      name: NAME,
      ctx,
      workers: 1,
      async reconcile(key) {
        const secret = tokens.lister.get(key);
        if (secret === undefined) return;
        const left = bootstrapTokenEnd(secret) - clock.now();
        if (left === Infinity) return;
        if (left > 0) return { requeueAfterMs: left };
        const { name, namespace, uid } = metaOf(secret);
        try {
          await client.resource(secrets, namespace).delete(name, { preconditions: { uid } });
          logger.info({ secret: key }, "deleted an expired bootstrap token");
        } catch (error) {
          // Gone already, or another of its name by now, which comes by itself.
          if (!isNotFound(error) && !isConflict(error)) throw error;
        }
      },
    });
    const changed = (secret: Parameters<typeof controller.enqueue>[0]): void => controller.enqueue(secret);
    controller.own(tokens.addHandler({ add: changed, update: (_old, secret) => changed(secret) }));
    return controller;
  },
};
