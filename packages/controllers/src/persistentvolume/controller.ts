import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from "@knots/api/core/v1";
import type { StorageClass } from "@knots/api/storage/v1";
import { storageClasses } from "@knots/api/storage/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { isNotFound } from "@knots/machinery";
import type { Timer } from "@knots/machinery";
import { creationTime, keyOf, metaOf } from "../framework/objects.ts";
import { OwnWrites } from "../framework/own-writes.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { Controller, ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { claimsOf } from "../volumeprotection/use.ts";
import { BETA_STORAGE_PROVISIONER, STORAGE_PROVISIONER } from "./annotations.ts";
import { Binder } from "./binding.ts";
import { decideClaim } from "./claim-decision.ts";
import type { Told } from "./claim-decision.ts";
import { decideVolume } from "./volume-decision.ts";

const NAME = "persistentvolume-binder-controller";
const CLAIM_INDEX = "volumeprotection/claim";
const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";
const BETA_DEFAULT_CLASS = "storageclass.beta.kubernetes.io/is-default-class";

/** Binds claims to volumes, and decides on volumes whose claims are gone. Keys: "claim NAMESPACE/NAME", "volume NAME". */
export class VolumeBinder implements Controller {
  readonly name = NAME;
  readonly #ctx: ControllerContext;
  readonly #queue: QueueController;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #classes: Informer<StorageClass>;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #binder: Binder;
  readonly #recorder: EventRecorder;
  readonly #written = new OwnWrites();
  #timer: Timer | undefined;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#volumes = ctx.informers.informer(persistentVolumes);
    this.#claims = ctx.informers.informer(persistentVolumeClaims);
    this.#classes = ctx.informers.informer(storageClasses);
    this.#nodes = ctx.informers.informer(nodes);
    this.#pods = ctx.informers.informer(pods, { indexers: { [CLAIM_INDEX]: claimsOf } });
    this.#recorder = ctx.recorder("persistentvolume-controller");
    this.#binder = new Binder(ctx.client, () => ctx.clock.now());
    this.#queue = new QueueController({
      name: NAME,
      ctx,
      workers: 1, // two claims decided at once would want the same volume
      reconcile: (key) => this.reconcile(key),
    });
    const claimChanged = (claim: PersistentVolumeClaim): void => {
      this.#queue.queue.add(`claim ${keyOf(claim)}`);
      if (claim.spec?.volumeName) this.#queue.queue.add(`volume ${claim.spec.volumeName}`);
    };
    this.#queue.own(
      this.#claims.addHandler({
        add: claimChanged,
        update: (_old, claim) => claimChanged(claim),
        // A volume may refer to a claim that never got to know of it.
        delete: (claim) => {
          claimChanged(claim);
          for (const volume of this.#volumes.lister.list())
            if (volume.spec?.claimRef?.uid === claim.metadata?.uid) this.#queue.queue.add(`volume ${keyOf(volume)}`);
        },
      }),
    );
    const volumeChanged = (volume: PersistentVolume): void => {
      this.#queue.queue.add(`volume ${keyOf(volume)}`);
      const { claimRef } = volume.spec ?? {};
      if (claimRef !== undefined) this.#queue.queue.add(`claim ${claimRef.namespace ?? ""}/${claimRef.name ?? ""}`);
      // A free volume may be what some claim waits for.
      else if (volume.status?.phase === "Available") this.#wakePending();
    };
    this.#queue.own(
      this.#volumes.addHandler({
        add: volumeChanged,
        update: (_old, volume) => volumeChanged(volume),
        delete: volumeChanged,
      }),
    );
  }

  start(): void {
    this.#queue.start();
    this.#timer = this.#ctx.clock.setInterval(() => this.#wakePending(), this.#ctx.options.pvClaimBinderSyncPeriod);
  }

  #wakePending(): void {
    for (const claim of this.#claims.lister.list())
      if (claim.status?.phase !== "Bound") this.#queue.queue.add(`claim ${keyOf(claim)}`);
  }

  async reconcile(key: string): Promise<void> {
    const [kind = "", name = ""] = key.split(" ");
    try {
      if (kind === "claim") await this.#syncClaim(this.#claims.lister.get(name));
      else await this.#syncVolume(this.#volumes.lister.get(name));
    } catch (error) {
      // Gone meanwhile: its event brings back whom it concerns.
      if (!isNotFound(error)) throw error;
    }
  }

  #tell(object: PersistentVolume | PersistentVolumeClaim, event: Told | undefined): void {
    if (event !== undefined) this.#recorder.event(object, event.type, event.reason, event.message);
  }

  async #syncClaim(claim: PersistentVolumeClaim | undefined): Promise<void> {
    if (claim === undefined || this.#written.isStale(claim)) return;
    const key = keyOf(claim);
    const decision = decideClaim(claim, {
      volumes: this.#volumes.lister.list(),
      volume: (name) => this.#volumes.lister.get(name),
      storageClass: (name) => this.#classes.lister.get(name),
      defaultClass: defaultClass(this.#classes.lister.list()),
      node: (name) => this.#nodes.lister.get(name),
      waitingPod: this.#pods.lister.byIndex(CLAIM_INDEX, key).find((pod) => !pod.spec?.nodeName)?.metadata?.name,
    });
    const client = this.#ctx.client.resource(persistentVolumeClaims, metaOf(claim).namespace);
    switch (decision.do) {
      case "bind":
        // A claim on its way out takes no volume any more.
        if (claim.metadata?.deletionTimestamp !== undefined && claim.status?.phase !== "Bound") return;
        await this.#binder.bind(claim, decision.volume);
        return;
      case "assignClass":
        await client.update({ ...claim, spec: { ...claim.spec, storageClassName: decision.className } });
        return;
      case "lose": {
        const { capacity: _, accessModes: _modes, ...status } = claim.status ?? {};
        if (await this.#binder.setClaimStatus(claim, { ...status, phase: "Lost" })) this.#tell(claim, decision.event);
        return;
      }
      case "wait": {
        this.#tell(claim, decision.event);
        const { provisioner } = decision;
        let current = claim;
        if (provisioner !== undefined && claim.metadata?.annotations?.[STORAGE_PROVISIONER] !== provisioner) {
          const asked = { [STORAGE_PROVISIONER]: provisioner, [BETA_STORAGE_PROVISIONER]: provisioner };
          const annotations = { ...claim.metadata?.annotations, ...asked };
          current = this.#written.note(await client.update({ ...claim, metadata: { ...claim.metadata, annotations } }));
        }
        await this.#binder.setClaimStatus(current, { ...current.status, phase: "Pending" });
      }
    }
  }

  async #syncVolume(volume: PersistentVolume | undefined): Promise<void> {
    if (volume === undefined) return;
    const { claimRef } = volume.spec ?? {};
    const key = `${claimRef?.namespace ?? ""}/${claimRef?.name ?? ""}`;
    let claim = claimRef === undefined ? undefined : this.#claims.lister.get(key);
    if (claimRef?.uid && claim?.metadata?.uid !== claimRef.uid) claim = await this.#liveClaim(volume);
    const decision = decideVolume(volume, claim);
    const current = decision.unbind === undefined ? volume : await this.#binder.unbind(volume, decision.unbind);
    if (decision.phase !== undefined && (await this.#binder.setPhase(current, decision.phase, decision.message)))
      this.#tell(volume, decision.event);
    if (decision.wakeClaim === true && claim !== undefined) this.#queue.queue.add(`claim ${key}`);
  }

  /** The cache may lag behind a claim that was just bound: data is given up only on the server's word. */
  async #liveClaim(volume: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const { namespace = "", name = "" } = volume.spec?.claimRef ?? {};
    try {
      return await this.#ctx.client.resource(persistentVolumeClaims, namespace).get(name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#queue[Symbol.asyncDispose]();
  }
}

/** The class marked as the default; of several the newest, of those made at once the first by name. */
export function defaultClass(classes: readonly StorageClass[]): string | undefined {
  return classes
    .filter(({ metadata }) =>
      [DEFAULT_CLASS, BETA_DEFAULT_CLASS].some((name) => metadata?.annotations?.[name] === "true"),
    )
    .toSorted(
      (a, b) => creationTime(b) - creationTime(a) || ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1),
    )[0]?.metadata?.name;
}

export const persistentVolumeBinderController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new VolumeBinder(ctx),
};
