import type { ControllerRevision, DaemonSet } from "@knots/api/apps/v1";
import { controllerRevisions, daemonSets } from "@knots/api/apps/v1";
import type { Client, Informer } from "@knots/client";
import { podTemplateHash, selectorFromLabelSelector } from "@knots/machinery";
import {
  byRevision,
  CONTROLLER_REVISION_HASH,
  nextRevision,
  revisionData,
  RevisionClient,
  storesTemplate,
} from "../framework/history.ts";
import { claimCandidates } from "../framework/informers.ts";
import { metaOf } from "../framework/objects.ts";
import { claimObjects } from "../framework/ref-manager.ts";
import { daemonSetRef } from "./template.ts";

export interface DaemonHistory {
  /** The revision of the present template. */
  readonly current: ControllerRevision;
  readonly old: readonly ControllerRevision[];
  readonly collisionCount: number | undefined;
}

export function hashOf(revision: ControllerRevision): string {
  return revision.metadata?.labels?.[CONTROLLER_REVISION_HASH] ?? "";
}

/** Finds or makes the revision of the present template, and gives it the highest number. */
export async function constructHistory(
  client: Client,
  informer: Informer<ControllerRevision>,
  set: DaemonSet,
): Promise<DaemonHistory> {
  const { namespace, name } = metaOf(set);
  const owned = await claimObjects(claimCandidates(informer, set), {
    owner: set,
    controllerRef: daemonSetRef(set),
    selector: selectorFromLabelSelector(set.spec?.selector),
    client: client.resource(controllerRevisions, namespace),
    getLiveOwner: () => client.resource(daemonSets, namespace).get(name),
  });
  const template = set.spec?.template;
  const same = owned.filter((revision) => storesTemplate(revision, template)).toSorted(byRevision);
  const old = owned.filter((revision) => !same.includes(revision));
  const revisions = new RevisionClient(client, namespace);
  const number = nextRevision(old);
  const known = same.at(-1);
  if (known === undefined) {
    const before = set.status?.collisionCount;
    const made = await revisions.create((count) => newRevision(set, number, count), before ?? 0);
    const collisionCount = made.collisionCount === 0 ? before : made.collisionCount;
    return { current: made.revision, old, collisionCount };
  }
  // Two of one content come of an adoption: the latest is kept.
  for (const duplicate of same.slice(0, -1)) await revisions.delete(duplicate);
  const current = (known.revision ?? 0) < number ? await revisions.renumber(known, number) : known;
  return { current, old, collisionCount: set.status?.collisionCount };
}

function newRevision(set: DaemonSet, revision: number, collisionCount: number): ControllerRevision {
  const { name, namespace } = metaOf(set);
  const template = set.spec?.template ?? {};
  const hash = podTemplateHash(template, collisionCount === 0 ? undefined : collisionCount);
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: { ...template.metadata?.labels, [CONTROLLER_REVISION_HASH]: hash },
      annotations: { ...set.metadata?.annotations },
      ownerReferences: [daemonSetRef(set)],
    },
    data: revisionData(template),
    revision,
  };
}
