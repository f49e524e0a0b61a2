import type { ControllerRevision } from "@knots/api/apps/v1";
import { controllerRevisions } from "@knots/api/apps/v1";
import type { PodTemplateSpec } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import { canonicalJson, getControllerOf, isAlreadyExists, isNotFound } from "@knots/machinery";
import { semanticEqual } from "./equality.ts";
import { compareStrings, creationTime, metaOf } from "./objects.ts";

/** On revisions of StatefulSets, and on pods of both kinds: which revision they are of. */
export const CONTROLLER_REVISION_HASH = "controller-revision-hash";

/**
 * What a revision stores: a strategic merge patch that replaces the template (kubectl rollout undo applies it). Its keys
 * are sorted, as upstream's are: clients find the revision of a template by comparing the bytes.
 */
export function revisionData(template: PodTemplateSpec | undefined): Record<string, unknown> {
  const data = { spec: { template: { ...template, $patch: "replace" } } };
  return JSON.parse(canonicalJson(data)) as Record<string, unknown>;
}

/** The template a revision stores. */
export function revisionTemplate(revision: ControllerRevision): PodTemplateSpec {
  const data = revision.data as { spec?: { template?: PodTemplateSpec & { $patch?: string } } } | undefined;
  const { $patch: _, ...template } = structuredClone(data?.spec?.template ?? {});
  return template;
}

export function storesTemplate(revision: ControllerRevision, template: PodTemplateSpec | undefined): boolean {
  return semanticEqual(revisionTemplate(revision), template);
}

/** By revision number; of equal ones the older first. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  return (
    (a.revision ?? 0) - (b.revision ?? 0) ||
    creationTime(a) - creationTime(b) ||
    compareStrings(a.metadata?.name ?? "", b.metadata?.name ?? "")
  );
}

export function nextRevision(revisions: readonly ControllerRevision[]): number {
  return revisions.reduce((max, revision) => Math.max(max, revision.revision ?? 0), 0) + 1;
}

/** Reads and writes the ControllerRevisions of one namespace. */
export class RevisionClient {
  readonly #client: Client;
  readonly #namespace: string;

  constructor(client: Client, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /**
   * Creates the revision `build` makes for a collision count. A name that is taken by the same content is what we want; one
   * taken by other content raises the count and tries the next name.
   */
  async create(
    build: (collisionCount: number) => ControllerRevision,
    collisionCount: number,
  ): Promise<{ revision: ControllerRevision; collisionCount: number }> {
    for (let count = collisionCount; ; count++) {
      const wanted = build(count);
      try {
        return { revision: await this.#revisions().create(wanted), collisionCount: count };
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const existing = await this.#revisions().get(metaOfNew(wanted));
        const sameOwner = getControllerOf(existing)?.uid === getControllerOf(wanted)?.uid;
        if (sameOwner && semanticEqual(existing.data, wanted.data))
          return { revision: existing, collisionCount: count };
      }
    }
  }

  /** Gives an old revision a new number: the template was rolled back to it. */
  async renumber(revision: ControllerRevision, number: number): Promise<ControllerRevision> {
    if (revision.revision === number) return revision;
    return this.#revisions().update({ ...revision, revision: number });
  }

  async delete(revision: ControllerRevision): Promise<void> {
    try {
      await this.#revisions().delete(metaOf(revision).name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #revisions() {
    return this.#client.resource(controllerRevisions, this.#namespace);
  }
}

function metaOfNew(revision: ControllerRevision): string {
  return revision.metadata?.name ?? "";
}

/** The oldest revisions beyond `limit` of those that nothing uses. Pure. */
export function surplusRevisions(
  unused: readonly ControllerRevision[],
  limit: number | undefined,
): ControllerRevision[] {
  const surplus = unused.length - (limit ?? 10);
  return surplus <= 0 ? [] : unused.toSorted(byRevision).slice(0, surplus);
}
