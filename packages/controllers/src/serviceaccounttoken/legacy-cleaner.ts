import { configMaps, pods, secrets, serviceAccounts } from "@knots/api/core/v1";
import { isConflict, isNotFound } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { PeriodicController } from "../framework/periodic.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { cleanUp, dateOf, INVALID_SINCE, secretNames } from "./cleanup.ts";
import { ACCOUNT_NAME, TOKEN_TYPE } from "./secrets.ts";

const NAME = "legacy-serviceaccount-token-cleaner-controller";
const DAY = 86_400_000;
const TRACKING = "kube-apiserver-legacy-service-account-token-tracking";

/** From when on every use is known, ms: the day after the API server began to note them. */
async function trackedSince({ client }: ControllerContext): Promise<number> {
  const { data } = await client.resource(configMaps, "kube-system").get(TRACKING);
  const day = Date.parse(`${data?.["since"] ?? ""}T00:00:00Z`);
  if (Number.isNaN(day)) throw new Error(`ConfigMap kube-system/${TRACKING} has no date under "since"`);
  return day + DAY;
}

/** Marks, and a period later deletes, tokens made for accounts automatically that nobody uses. */
export const legacyTokenCleanerController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    const { client, clock, logger, options } = ctx;
    const tokens = ctx.informers.informer(secrets, { fieldSelector: `type=${TOKEN_TYPE}` });
    const accounts = ctx.informers.informer(serviceAccounts);
    const allPods = ctx.informers.informer(pods);
    return new PeriodicController({
      name: NAME,
      clock,
      logger,
      period: DAY,
      async round() {
        const now = clock.now();
        const period = options.legacyTokenCleanUpPeriod;
        if (tokens.lister.list().length === 0 || now < (await trackedSince(ctx)) + period) return;
        for (const secret of tokens.lister.list()) {
          const { name, namespace, uid, resourceVersion = "" } = metaOf(secret);
          const account = accounts.lister.get(`${namespace}/${secret.metadata?.annotations?.[ACCOUNT_NAME] ?? ""}`);
          const used = allPods.lister.list(namespace).some((pod) => secretNames(pod).has(name));
          const decision = cleanUp(secret, account, { used, now, period });
          if (decision === "keep") continue;
          const of = client.resource(secrets, namespace);
          try {
            if (decision === "invalidate") {
              const labels = { [INVALID_SINCE]: dateOf(now) };
              await of.patch(name, { metadata: { uid, labels } }, { type: "merge" });
            } else await of.delete(name, { preconditions: { uid, resourceVersion } });
            logger.info({ secret: `${namespace}/${name}`, decision }, "cleaned up an unused service-account token");
          } catch (error) {
            // Used or changed meanwhile, or gone.
            if (!isConflict(error) && !isNotFound(error)) throw error;
          }
        }
      },
    });
  },
};
