import type { Namespace } from "@knots/api/core/v1";
import { namespaces, serviceAccounts } from "@knots/api/core/v1";
import { isAlreadyExists, isNotFound } from "@knots/machinery";
import { concurrency } from "../framework/options.ts";
import { isNamespaceTerminating } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";

/** Service accounts that each namespace has. */
const ACCOUNTS = ["default"] as const;

/** Whether things may still be made in this namespace. */
export function isActiveNamespace(namespace: Namespace | undefined): boolean {
  return (
    namespace !== undefined &&
    namespace.metadata?.deletionTimestamp === undefined &&
    namespace.status?.phase !== "Terminating"
  );
}

/** Gives each namespace its `default` ServiceAccount, again when somebody deletes it. */
export const serviceAccountController: ControllerInitializer = {
  name: "serviceaccount-controller",
  enabledByDefault: true,
  init(ctx) {
    const spaces = ctx.informers.informer(namespaces);
    const accounts = ctx.informers.informer(serviceAccounts);
    const controller = new QueueController({
      name: "serviceaccount-controller",
      ctx,
      workers: concurrency(ctx.options, "serviceaccount"),
      async reconcile(name) {
        if (!isActiveNamespace(spaces.lister.get(name))) return;
        for (const account of ACCOUNTS) {
          if (accounts.lister.get(`${name}/${account}`) !== undefined) continue;
          try {
            await ctx.client.resource(serviceAccounts, name).create({
              apiVersion: "v1",
              kind: "ServiceAccount",
              metadata: { name: account, namespace: name },
            });
          } catch (error) {
            if (!isAlreadyExists(error) && !isNamespaceTerminating(error) && !isNotFound(error)) throw error;
          }
        }
      },
    });
    controller.own(
      spaces.addHandler({
        add: (namespace) => controller.enqueue(namespace),
        update: (_old, namespace) => controller.enqueue(namespace),
      }),
    );
    controller.own(
      accounts.addHandler({
        delete: (account) => {
          const { name, namespace } = account.metadata ?? {};
          if (ACCOUNTS.some((wanted) => wanted === name)) controller.queue.add(namespace ?? "");
        },
      }),
    );
    return controller;
  },
};
