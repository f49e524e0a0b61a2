import type { ControllerRevision, StatefulSet } from "@knots/api/apps/v1";
import type { PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import { persistentVolumeClaims, pods } from "@knots/api/core/v1";
import type { Client, EventRecorder, Informer } from "@knots/client";
import { isAlreadyExists, isConflict, isNotFound } from "@knots/machinery";
import { revisionTemplate } from "../framework/history.ts";
import { metaOf } from "../framework/objects.ts";
import { messageOf } from "../framework/pod-control.ts";
import { slowStartBatch } from "../framework/slow-start.ts";
import { claimName, claimsOf, ordinalOf, podName, statefulPod, withIdentity } from "./identity.ts";
import type { StatefulAction } from "./plan.ts";
import { isStale, wantedOwners } from "./retention.ts";

/** The writes a StatefulSet's plan asks for, with their Events. */
export class StatefulActions {
  readonly #client: Client;
  readonly #recorder: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #pods: Informer<Pod>;

  constructor(
    client: Client,
    recorder: EventRecorder,
    claims: Informer<PersistentVolumeClaim>,
    podInformer: Informer<Pod>,
  ) {
    this.#client = client;
    this.#recorder = recorder;
    this.#claims = claims;
    this.#pods = podInformer;
  }

  hasStaleClaim(set: StatefulSet, ordinal: number): boolean {
    const { namespace } = metaOf(set);
    const name = podName(set, ordinal);
    const pod = this.#pods.lister.get(`${namespace}/${name}`);
    return (set.spec?.volumeClaimTemplates ?? []).some((template) => {
      const claim = this.#claims.lister.get(`${namespace}/${claimName(set, template, ordinal)}`);
      return claim !== undefined && isStale(claim, name, pod);
    });
  }

  lacksClaim(set: StatefulSet, ordinal: number): boolean {
    const { namespace } = metaOf(set);
    return (set.spec?.volumeClaimTemplates ?? []).some(
      (template) => this.#claims.lister.get(`${namespace}/${claimName(set, template, ordinal)}`) === undefined,
    );
  }

  /** Several actions come only of Parallel sets: then in batches that double. Throws the first error. */
  async apply(
    set: StatefulSet,
    actions: readonly StatefulAction[],
    revisions: readonly ControllerRevision[],
  ): Promise<void> {
    const { error } = await slowStartBatch(actions.length, async (i) => {
      const action = actions[i];
      if (action === undefined) return;
      if (action.kind === "create") {
        const revision = revisions.find((candidate) => candidate.metadata?.name === action.revision);
        if (revision === undefined) throw new Error(`revision ${action.revision} of ${metaOf(set).name} is gone`);
        await this.#create(
          set,
          statefulPod(set, revisionTemplate(revision), action.ordinal, action.revision),
          action.ordinal,
        );
      } else if (action.kind === "delete") await this.#delete(set, action);
      else if (action.kind === "claims") await this.ensureClaims(set, action.ordinal);
      else await this.#repair(set, action.pod, action.ordinal);
    });
    if (error !== undefined) throw error;
  }

  async #create(set: StatefulSet, pod: Pod, ordinal: number): Promise<void> {
    await this.ensureClaims(set, ordinal);
    try {
      await this.#client.resource(pods, metaOf(set).namespace).create(pod);
    } catch (error) {
      // The cache lags behind our own create: no failure worth an Event.
      if (!isAlreadyExists(error)) this.#podEvent(set, "create", pod, error);
      throw error;
    }
    this.#podEvent(set, "create", pod);
  }

  async #delete(set: StatefulSet, action: Extract<StatefulAction, { kind: "delete" }>): Promise<void> {
    const { namespace, name, uid } = metaOf(action.pod);
    const owner = `${namespace}/${metaOf(set).name}`;
    if (action.ended === "Failed") {
      const message = `StatefulSet ${owner} is recreating failed Pod ${name}`;
      this.#recorder.event(set, "Warning", "RecreatingFailedPod", message);
    } else if (action.ended === "Succeeded") {
      const message = `StatefulSet ${owner} is recreating terminated Pod ${name}`;
      this.#recorder.event(set, "Normal", "RecreatingTerminatedPod", message);
    }
    try {
      await this.#client.resource(pods, namespace).delete(name, { preconditions: { uid } });
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return;
      this.#podEvent(set, "delete", action.pod, error);
      throw error;
    }
    this.#podEvent(set, "delete", action.pod);
  }

  async #repair(set: StatefulSet, pod: Pod, ordinal: number): Promise<void> {
    await this.ensureClaims(set, ordinal);
    const next = withIdentity(set, pod, ordinal);
    try {
      await this.#client.resource(pods, metaOf(set).namespace).update(next);
    } catch (error) {
      this.#podEvent(set, "update", pod, error);
      throw error;
    }
    this.#podEvent(set, "update", pod);
  }

  /** Creates the claims an ordinal lacks. */
  async ensureClaims(set: StatefulSet, ordinal: number): Promise<void> {
    const { namespace, name: setName } = metaOf(set);
    const client = this.#client.resource(persistentVolumeClaims, namespace);
    for (const claim of claimsOf(set, ordinal)) {
      const name = claim.metadata?.name ?? "";
      if (this.#claims.lister.get(`${namespace}/${name}`) !== undefined) continue;
      const owners = wantedOwners(set, claim, ordinal, undefined);
      const wanted =
        owners === undefined ? claim : { ...claim, metadata: { ...claim.metadata, ownerReferences: owners } };
      const what = `create Claim ${name} Pod ${podName(set, ordinal)} in StatefulSet ${setName}`;
      try {
        await client.create(wanted);
        this.#recorder.event(set, "Normal", "SuccessfulCreate", `${what} success`);
      } catch (error) {
        if (isAlreadyExists(error)) continue;
        this.#recorder.event(set, "Warning", "FailedCreate", `${what} failed error: ${messageOf(error)}`);
        throw error;
      }
    }
  }

  /** Gives the claims of the set's pods the owners that its retention policy asks for. */
  async syncClaimOwners(set: StatefulSet, owned: readonly Pod[]): Promise<void> {
    if ((set.spec?.volumeClaimTemplates ?? []).length === 0) return;
    const { namespace } = metaOf(set);
    for (const pod of owned) {
      const ordinal = ordinalOf(set, pod);
      if (ordinal === undefined) continue;
      for (const template of set.spec?.volumeClaimTemplates ?? []) {
        const claim = this.#claims.lister.get(`${namespace}/${claimName(set, template, ordinal)}`);
        const owners = claim === undefined ? undefined : wantedOwners(set, claim, ordinal, pod);
        if (claim === undefined || owners === undefined) continue;
        const next = { ...claim, metadata: { ...claim.metadata, ownerReferences: owners } };
        await this.#client.resource(persistentVolumeClaims, namespace).update(next);
      }
    }
  }

  #podEvent(set: StatefulSet, verb: "create" | "delete" | "update", pod: Pod, error?: unknown): void {
    const title = verb.charAt(0).toUpperCase() + verb.slice(1);
    const what = `${verb} Pod ${pod.metadata?.name ?? ""} in StatefulSet ${metaOf(set).name}`;
    if (error === undefined) this.#recorder.event(set, "Normal", `Successful${title}`, `${what} successful`);
    else this.#recorder.event(set, "Warning", `Failed${title}`, `${what} failed error: ${messageOf(error)}`);
  }
}
