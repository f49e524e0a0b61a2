import type { Deployment, ReplicaSet } from "@knots/api/apps/v1";
import { deployments, replicaSets } from "@knots/api/apps/v1";
import type { PodTemplateSpec } from "@knots/api/core/v1";
import type { Client, EventRecorder } from "@knots/client";
import { getControllerOf, isAlreadyExists, isNotFound, podTemplateHash } from "@knots/machinery";
import type { Clock } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { metaOf } from "../framework/objects.ts";
import type { OwnWrites } from "../framework/own-writes.ts";
import { isNamespaceTerminating, messageOf } from "../framework/pod-control.ts";
import { withoutZeroes } from "../replicaset/status.ts";
import {
  maxRevision,
  newReplicaSetAnnotations,
  POD_TEMPLATE_HASH,
  replicasAnnotations,
  REVISION,
} from "./annotations.ts";
import { conditionOf, newCondition, Reason, withCondition } from "./conditions.ts";
import { hasProgressDeadline } from "./limits.ts";
import { findNewReplicaSet, replicasOf, templatesEqual } from "./replica-sets.ts";
import { newReplicaSetSize } from "./scaling.ts";
import type { ScaleAction } from "./scaling.ts";

export interface RolloutDeps {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly writes: OwnWrites;
}

/**
 * One reconciliation's hands: it acts on ReplicaSets, and gathers what is to be said in the Deployment's status, which
 * `writeStatus` sends in one request at the end.
 */
export class Rollout {
  readonly #deps: RolloutDeps;
  readonly #cached: Deployment;
  /** The Deployment as it is to be: annotations and status of this copy change as we go. */
  readonly deployment: Deployment;
  newRS: ReplicaSet | undefined;
  oldRSs: ReplicaSet[];

  constructor(deps: RolloutDeps, cached: Deployment, owned: readonly ReplicaSet[]) {
    this.#deps = deps;
    this.#cached = cached;
    this.deployment = structuredClone(cached);
    this.newRS = findNewReplicaSet(cached, owned);
    this.oldRSs = owned.filter((rs) => rs.metadata?.uid !== this.newRS?.metadata?.uid);
  }

  get all(): ReplicaSet[] {
    return this.newRS === undefined ? [...this.oldRSs] : [...this.oldRSs, this.newRS];
  }

  /** Brings revision, annotations and minReadySeconds of the new RS, where there is one, up to the Deployment's. */
  async syncRevision(): Promise<void> {
    const existing = this.newRS;
    if (existing === undefined) return;
    const revision = maxRevision(this.oldRSs) + 1n;
    const annotations = newReplicaSetAnnotations(this.deployment, existing.metadata?.annotations ?? {}, revision);
    const minReadySeconds = this.deployment.spec?.minReadySeconds ?? 0;
    if (
      !semanticEqual(annotations, existing.metadata?.annotations) ||
      (existing.spec?.minReadySeconds ?? 0) !== minReadySeconds
    ) {
      const next = structuredClone(existing);
      next.metadata = { ...next.metadata, annotations };
      if (next.spec !== undefined) next.spec.minReadySeconds = minReadySeconds;
      this.newRS = this.#deps.writes.note(await this.#replicaSets().update(next));
    }
    this.#setRevision(annotations[REVISION] ?? String(revision));
    if (hasProgressDeadline(this.deployment) && conditionOf(this.deployment.status, "Progressing") === undefined) {
      const message = `Found new replica set "${metaOf(existing).name}"`;
      this.#condition("True", Reason.foundNewReplicaSet, message);
    }
  }

  /**
   * The RS of the present template, made if there is none. Throws when its name is taken by another template (the
   * collision count is then raised, so that the next try has another name) or the server refuses it.
   */
  async ensureNewReplicaSet(): Promise<ReplicaSet> {
    if (this.newRS !== undefined) return this.newRS;
    const revision = maxRevision(this.oldRSs) + 1n;
    const wanted = this.#buildReplicaSet(revision);
    const { name } = wanted.metadata as { name: string };
    const replicas = replicasOf(wanted);
    let created: ReplicaSet;
    let adopted = false;
    try {
      created = this.#deps.writes.note(await this.#replicaSets().create(wanted));
    } catch (error) {
      if (isNamespaceTerminating(error)) throw error;
      if (!isAlreadyExists(error)) {
        const message = `Failed to create new replica set "${name}": ${messageOf(error)}`;
        if (hasProgressDeadline(this.deployment)) this.#condition("False", Reason.replicaSetCreateError, message);
        this.#deps.recorder.event(this.#cached, "Warning", Reason.replicaSetCreateError, message);
        await this.writeStatus();
        throw error;
      }
      const existing = await this.#replicaSets().get(name);
      const ours = getControllerOf(existing)?.uid === this.#cached.metadata?.uid;
      if (!ours || !templatesEqual(existing.spec?.template, this.deployment.spec?.template)) {
        const status = (this.deployment.status ??= {});
        status.collisionCount = (status.collisionCount ?? 0) + 1;
        await this.writeStatus();
        throw error;
      }
      created = existing;
      adopted = true;
    }
    this.newRS = created;
    this.#setRevision(String(revision));
    if (!adopted) {
      if (replicas > 0) this.#scalingEvent("up", name, 0, replicas);
      if (hasProgressDeadline(this.deployment)) {
        this.#condition("True", Reason.newReplicaSetCreated, `Created new replica set "${name}"`);
      }
    }
    return created;
  }

  #buildReplicaSet(revision: bigint): ReplicaSet {
    const { deployment } = this;
    const { name, namespace, uid } = metaOf(deployment);
    const template: PodTemplateSpec = structuredClone(deployment.spec?.template ?? {});
    const hash = podTemplateHash(template, deployment.status?.collisionCount);
    const labels = { ...template.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
    const selector = deployment.spec?.selector ?? {};
    return {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: `${name}-${hash}`, // follows from the template, so that trying again makes no second one
        namespace,
        labels,
        annotations: { ...newReplicaSetAnnotations(deployment, {}, revision), ...replicasAnnotations(deployment) },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "Deployment", name, uid, controller: true, blockOwnerDeletion: true },
        ],
      },
      spec: {
        replicas: newReplicaSetSize(deployment, this.oldRSs, 0),
        minReadySeconds: deployment.spec?.minReadySeconds ?? 0,
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [POD_TEMPLATE_HASH]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    };
  }

  /** Carries out a plan, in order; whether any RS changed its size. */
  async scale(actions: readonly ScaleAction[]): Promise<boolean> {
    let scaled = false;
    for (const { rs, replicas } of actions) {
      const current = this.all.find((candidate) => candidate.metadata?.uid === rs.metadata?.uid) ?? rs;
      const from = replicasOf(current);
      const annotations = { ...current.metadata?.annotations, ...replicasAnnotations(this.deployment) };
      if (from === replicas && semanticEqual(annotations, current.metadata?.annotations)) continue;
      const next = structuredClone(current);
      next.metadata = { ...next.metadata, annotations };
      if (next.spec !== undefined) next.spec.replicas = replicas;
      this.#replace(this.#deps.writes.note(await this.#replicaSets().update(next)));
      if (from === replicas) continue;
      scaled = true;
      this.#scalingEvent(from < replicas ? "up" : "down", metaOf(rs).name, from, replicas);
    }
    return scaled;
  }

  async deleteReplicaSets(victims: readonly ReplicaSet[]): Promise<void> {
    for (const rs of victims) {
      try {
        await this.#replicaSets().delete(metaOf(rs).name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  /** Sends status and revision annotation if they differ from what the cache holds. */
  async writeStatus(): Promise<void> {
    const { deployment } = this;
    const cached = this.#cached;
    if (
      semanticEqual(withoutZeroes(deployment.status ?? {}), withoutZeroes(cached.status ?? {})) &&
      semanticEqual(deployment.metadata?.annotations, cached.metadata?.annotations)
    ) {
      return;
    }
    const { namespace } = metaOf(cached);
    this.#deps.writes.note(await this.#deps.client.resource(deployments, namespace).updateStatus(deployment));
  }

  #replace(updated: ReplicaSet): void {
    const uid = updated.metadata?.uid;
    if (this.newRS?.metadata?.uid === uid) this.newRS = updated;
    this.oldRSs = this.oldRSs.map((rs) => (rs.metadata?.uid === uid ? updated : rs));
  }

  #setRevision(revision: string): void {
    const meta = (this.deployment.metadata ??= {});
    meta.annotations = { ...meta.annotations, [REVISION]: revision };
  }

  #condition(status: "True" | "False", reason: string, message: string): void {
    const next = newCondition("Progressing", status, reason, message, this.#deps.clock.now());
    const current = (this.deployment.status ??= {});
    current.conditions = withCondition(current.conditions ?? [], next);
  }

  #scalingEvent(direction: "up" | "down", name: string, from: number, to: number): void {
    const message = `Scaled ${direction} replica set ${name} from ${from} to ${to}`;
    this.#deps.recorder.event(this.#cached, "Normal", "ScalingReplicaSet", message);
  }

  #replicaSets() {
    return this.#deps.client.resource(replicaSets, metaOf(this.#cached).namespace);
  }
}
