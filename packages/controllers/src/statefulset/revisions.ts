import type { ControllerRevision, StatefulSet } from "@knots/api/apps/v1";
import type { Client } from "@knots/client";
import { podTemplateHash } from "@knots/machinery";
import { byRevision, nextRevision, revisionData, RevisionClient, storesTemplate } from "../framework/history.ts";
import { metaOf } from "../framework/objects.ts";
import { statefulSetRef } from "./identity.ts";

export interface StatefulRevisions {
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
  readonly collisionCount: number;
}

/**
 * The revision of the present template (found, or an older one of the same content renumbered: a rollback, or made) and the
 * one the pods come from.
 */
export async function syncRevisions(
  client: Client,
  set: StatefulSet,
  revisions: readonly ControllerRevision[],
): Promise<StatefulRevisions> {
  const { namespace } = metaOf(set);
  const sorted = revisions.toSorted(byRevision);
  const writer = new RevisionClient(client, namespace);
  const known = sorted.findLast((revision) => storesTemplate(revision, set.spec?.template));
  let collisionCount = set.status?.collisionCount ?? 0;
  let update: ControllerRevision;
  if (known === undefined) {
    const number = nextRevision(sorted);
    const made = await writer.create((count) => newRevision(set, number, count), collisionCount);
    update = made.revision;
    collisionCount = made.collisionCount;
  } else if (known === sorted.at(-1)) update = known;
  else update = await writer.renumber(known, nextRevision(sorted));
  const current = sorted.find((revision) => revision.metadata?.name === set.status?.currentRevision) ?? update;
  return { current, update, collisionCount };
}

function newRevision(set: StatefulSet, revision: number, collisionCount: number): ControllerRevision {
  const { name, namespace } = metaOf(set);
  const template = set.spec?.template ?? {};
  const hash = podTemplateHash(template, collisionCount === 0 ? undefined : collisionCount);
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: { ...template.metadata?.labels, "controller.kubernetes.io/hash": hash },
      annotations: { ...set.metadata?.annotations },
      ownerReferences: [statefulSetRef(set)],
    },
    data: revisionData(template),
    revision,
  };
}
