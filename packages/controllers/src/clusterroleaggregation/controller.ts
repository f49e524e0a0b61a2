import type { ClusterRole, PolicyRule } from "@knots/api/rbac/v1";
import { clusterRoles } from "@knots/api/rbac/v1";
import type { ResourceClient } from "@knots/client";
import { isNotFound, StatusError } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerInitializer } from "../framework/types.ts";
import { aggregatedRules, isAggregated } from "./rules.ts";

const NAME = "clusterrole-aggregation-controller";

/** Applied, so that the managers of the role's other fields keep them, and by force: the rules are ours. */
async function writeRules(client: ResourceClient<ClusterRole>, role: ClusterRole, rules: PolicyRule[]): Promise<void> {
  const name = role.metadata?.name ?? "";
  try {
    await client.apply(
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name }, rules },
      { fieldManager: NAME, force: true },
    );
  } catch (error) {
    // An API server without server-side apply.
    if (!(error instanceof StatusError) || error.code !== 415) throw error;
    await client.update({ ...role, rules }, { fieldManager: NAME });
  }
}

/** Keeps the rules of ClusterRoles with an aggregationRule (admin, edit, view, …) equal to the sum of what they select. */
export const clusterRoleAggregationController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init(ctx) {
    const informer = ctx.informers.informer(clusterRoles);
    const controller = new QueueController({
      name: NAME,
      ctx,
      workers: 5,
      async reconcile(name) {
        const role = informer.lister.get(name);
        if (role === undefined || !isAggregated(role)) return;
        const rules = aggregatedRules(role, informer.lister.list());
        if (semanticEqual(role.rules, rules)) return;
        try {
          await writeRules(ctx.client.resource(clusterRoles), role, rules);
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      },
    });
    // Which roles a changed one is part of is what the selectors say; there are few that have any.
    const changed = (): void => {
      for (const role of informer.lister.list()) if (isAggregated(role)) controller.enqueue(role);
    };
    controller.own(informer.addHandler({ add: changed, update: changed, delete: changed }));
    return controller;
  },
};
