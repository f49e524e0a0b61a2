import type { Pod, PodResourceClaim } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { resourceClaims } from "@knots/api/resource/v1";
import type { ResourceClaim, ResourceClaimTemplate } from "@knots/api/resource/v1";
import type { Client, Informer } from "@knots/client";
import { canBeReserved, claimNotOwned, isReservedForPod, POD_CLAIM_ANNOTATION } from "@knots/machinery";
import { controlledBy } from "../framework/informers.ts";
import { metaOf } from "../framework/objects.ts";
import { claimFromTemplate, knownClaimNames } from "./claims.ts";

const FIELD_MANAGER = "ResourceClaimController";

/** What went wrong with one entry of spec.resourceClaims. */
export class PodClaimError extends Error {
  override readonly name = "PodClaimError";
  constructor(entry: PodResourceClaim, cause: unknown) {
    super(`PodResourceClaim ${entry.name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

export interface PodClaimsParts {
  readonly client: Client;
  readonly claims: Informer<ResourceClaim>;
  readonly templates: Informer<ResourceClaimTemplate>;
}

/** Makes the claims that pods take from templates, and tells the pods their names. */
export class PodClaims {
  readonly #parts: PodClaimsParts;
  /** Made, and not yet in the informer: a second one must not be made. By the pod's uid and the entry's name. */
  readonly #made = new Map<string, ResourceClaim>();

  constructor(parts: PodClaimsParts) {
    this.#parts = parts;
  }

  /** The informer has it. */
  seen(claim: ResourceClaim): void {
    for (const [key, made] of this.#made) if (made.metadata?.uid === claim.metadata?.uid) this.#made.delete(key);
  }

  /** Throws PodClaimError for what a person may have to mend, and the server's StatusError. */
  async ensure(pod: Pod): Promise<void> {
    const { name, namespace } = metaOf(pod);
    const known = pod.status?.resourceClaimStatuses ?? [];
    const statuses = new Map(known.map((status) => [status.name, status.resourceClaimName]));
    let changed = false;
    for (const entry of pod.spec?.resourceClaims ?? []) {
      if (entry.resourceClaimTemplateName === undefined) continue;
      try {
        const claim = await this.#claimOf(pod, entry, entry.resourceClaimTemplateName, statuses.get(entry.name));
        if (claim === undefined) continue;
        statuses.set(entry.name, claim);
        changed = true;
      } catch (error) {
        throw new PodClaimError(entry, error);
      }
    }
    if (changed) {
      const resourceClaimStatuses = [...statuses].map(([entry, claim]) => ({
        name: entry,
        ...(claim === undefined ? {} : { resourceClaimName: claim }),
      }));
      await this.#parts.client
        .resource(pods, namespace)
        .apply(
          { metadata: { name }, status: { resourceClaimStatuses } },
          { fieldManager: FIELD_MANAGER, force: true, subresource: "status" },
        );
    }
    if (pod.spec?.nodeName) await this.#reserve(pod);
  }

  /** The name of a claim that the pod's status does not have yet. */
  async #claimOf(
    pod: Pod,
    entry: PodResourceClaim,
    templateName: string,
    named: string | undefined,
  ): Promise<string | undefined> {
    const { uid, namespace } = metaOf(pod);
    const { client, claims, templates } = this.#parts;
    const key = `${uid}/${entry.name}`;
    const isCurrent = (claim: ResourceClaim | undefined): boolean =>
      claim !== undefined && claimNotOwned(pod, claim) === undefined;
    if (named !== undefined && isCurrent(claims.lister.get(`${namespace}/${named}`))) return undefined;
    const found =
      controlledBy(claims, pod).find(({ metadata }) => metadata?.annotations?.[POD_CLAIM_ANNOTATION] === entry.name) ??
      this.#made.get(key);
    if (found !== undefined) return found.metadata?.name === named ? undefined : found.metadata?.name;
    const template = templates.lister.get(`${namespace}/${templateName}`);
    if (template === undefined)
      throw new Error(
        `resource claim template ${JSON.stringify(templateName)}: resourceclaimtemplate.resource.k8s.io ${JSON.stringify(templateName)} not found`,
      );
    const made = await client.resource(resourceClaims, namespace).create(claimFromTemplate(pod, entry, template));
    // The informer may have been faster.
    if (claims.lister.get(`${namespace}/${made.metadata?.name ?? ""}`) === undefined) this.#made.set(key, made);
    return made.metadata?.name;
  }

  /** A pod that was given a node by other means than a scheduler that knows claims. */
  async #reserve(pod: Pod): Promise<void> {
    const { name, namespace, uid } = metaOf(pod);
    const { client, claims } = this.#parts;
    for (const claimName of knownClaimNames(pod)) {
      const claim = claims.lister.get(`${namespace}/${claimName}`);
      if (claim?.status?.allocation === undefined || isReservedForPod(pod, claim) || !canBeReserved(claim)) continue;
      const reservedFor = [...(claim.status.reservedFor ?? []), { resource: "pods", name, uid }];
      await client
        .resource(resourceClaims, namespace)
        .updateStatus({ ...claim, status: { ...claim.status, reservedFor } });
    }
  }

  /** The pod is gone. */
  drop(pod: Pod): void {
    for (const { name } of pod.spec?.resourceClaims ?? []) this.#made.delete(`${metaOf(pod).uid}/${name}`);
  }
}
