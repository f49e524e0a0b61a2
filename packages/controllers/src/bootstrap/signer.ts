import { configMaps } from "@knots/api/core/v1";
import type { Secret } from "@knots/api/core/v1";
import { bootstrapTokenEnd, isNotFound, mayBootstrap, readBootstrapToken } from "@knots/machinery";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { signedData } from "./signature.ts";
import { bootstrapTokens } from "./tokens.ts";

const NAME = "bootstrap-signer-controller";
const NAMESPACE = "kube-public";
const CLUSTER_INFO = "cluster-info";
const KEY = `${NAMESPACE}/${CLUSTER_INFO}`;

/** The secrets of the tokens that may sign at the time `now`, ms, by their ids. Pure. */
export function signingTokens(all: readonly Secret[], now: number): Map<string, string> {
  const tokens = new Map<string, string>();
  for (const secret of all) {
    const read = readBootstrapToken(secret);
    if (typeof read === "string" || bootstrapTokenEnd(secret) <= now || !mayBootstrap(secret, "signing")) continue;
    tokens.set(read.id, read.secret);
  }
  return tokens;
}

/**
 * Signs the kubeconfig in ConfigMap kube-public/cluster-info with each bootstrap token that may: whoever has a token, and no
 * certificate yet, can make sure that it is this cluster's. Nothing is signed while the ConfigMap is not there.
 */
export const bootstrapSignerController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: false,
  init(ctx) {
    const { client, clock } = ctx;
    const infos = ctx.informers.informer(configMaps, {
      namespace: NAMESPACE,
      fieldSelector: `metadata.name=${CLUSTER_INFO}`,
    });
    const tokens = bootstrapTokens(ctx.informers);
    const controller = new QueueController({
      name: NAME,
      ctx,
      workers: 1,
      async reconcile(key) {
        const info = infos.lister.get(key);
        const now = clock.now();
        const all = tokens.lister.list();
        const data = signedData(info?.data, signingTokens(all, now));
        if (info !== undefined && data !== undefined) {
          try {
            await client.resource(configMaps, NAMESPACE).update({ ...info, data });
          } catch (error) {
            // Somebody deleted it: there is nothing to sign.
            if (!isNotFound(error)) throw error;
          }
        }
        // A token's signature goes when the token ends, whoever deletes it.
        const next = Math.min(...all.map(bootstrapTokenEnd).filter((end) => end > now));
        if (Number.isFinite(next)) return { requeueAfterMs: next - now };
      },
    });
    const changed = (): void => controller.queue.add(KEY);
    controller.own(infos.addHandler({ add: changed, update: changed }));
    controller.own(tokens.addHandler({ add: changed, update: changed, delete: changed }));
    return controller;
  },
};
