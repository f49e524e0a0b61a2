/** Keeps one mirror pod in the API for each static pod. */
import type { Node, Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import { isAlreadyExists, isNotFound, type Logger } from "@knots/machinery";
import { ANNOTATION_CONFIG_HASH, ANNOTATION_CONFIG_MIRROR } from "../runtime/labels.ts";
import { mirrorPodOf } from "./static-pods.ts";

export interface MirrorPodsOptions {
  readonly client: Client;
  readonly logger: Logger;
  readonly node: () => Node | undefined;
  /** The pod in the API under "namespace/name". */
  readonly apiPod: (key: string) => Pod | undefined;
}

export class MirrorPods {
  readonly #options: MirrorPodsOptions;

  constructor(options: MirrorPodsOptions) {
    this.#options = options;
  }

  /** The mirror of this very version of the static pod. */
  of(pod: Pod): Pod | undefined {
    const there = this.#options.apiPod(`${pod.metadata?.namespace}/${pod.metadata?.name}`);
    return there?.metadata?.annotations?.[ANNOTATION_CONFIG_MIRROR] ===
      pod.metadata?.annotations?.[ANNOTATION_CONFIG_HASH]
      ? there
      : undefined;
  }

  /** Creates the mirror; one of an earlier version, or one that is being deleted, goes first. */
  async ensure(pod: Pod): Promise<void> {
    const { client, logger, node, apiPod } = this.#options;
    const { name = "", namespace = "default" } = pod.metadata ?? {};
    const there = apiPod(`${namespace}/${name}`);
    const current = this.of(pod);
    if (current !== undefined && current.metadata?.deletionTimestamp === undefined) return;
    if (there !== undefined) await this.delete(there);
    try {
      await client.resource(pods, namespace).create(mirrorPodOf(pod, node()?.metadata?.uid));
      logger.debug({ pod: `${namespace}/${name}` }, "created mirror pod");
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async delete(mirror: Pod): Promise<void> {
    const { name = "", namespace = "default", uid } = mirror.metadata ?? {};
    try {
      await this.#options.client
        .resource(pods, namespace)
        .delete(name, { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }) });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
