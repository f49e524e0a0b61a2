import type { Pod, PodTemplateSpec } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import type { Client, EventRecorder } from "@knots/client";
import { isConflict, isNotFound, newNotFound, StatusError } from "@knots/machinery";
import type { KubeObject, OwnerReference } from "@knots/machinery";
import { metaOf } from "./objects.ts";

export interface PodFromTemplateOptions {
  /** A fixed name; without it the server makes one from `generateName`. */
  readonly name?: string;
  /** Defaults to the owner's name and a dash. */
  readonly generateName?: string;
  readonly finalizers?: readonly string[];
}

/** The pod a template describes, owned by `controllerRef`. Copies labels, annotations and finalizers, never shares them. */
export function podFromTemplate(
  template: PodTemplateSpec,
  owner: KubeObject,
  controllerRef: OwnerReference,
  options: PodFromTemplateOptions = {},
): Pod {
  const meta = metaOf(owner);
  const finalizers = [...(template.metadata?.finalizers ?? []), ...(options.finalizers ?? [])];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: meta.namespace,
      ...(options.name === undefined
        ? { generateName: options.generateName ?? `${meta.name}-` }
        : { name: options.name }),
      labels: { ...template.metadata?.labels },
      annotations: { ...template.metadata?.annotations },
      ...(finalizers.length > 0 ? { finalizers: [...new Set(finalizers)] } : {}),
      ownerReferences: [controllerRef],
    },
    ...(template.spec === undefined ? {} : { spec: structuredClone(template.spec) }),
  };
}

/** A create that failed only because its namespace is going away: no reason to warn, no reason to retry. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    (error.status.details?.causes ?? []).some((cause) => cause.reason === "NamespaceTerminating")
  );
}

/** Creates and deletes pods for a controller and says so in Events on their owner. */
export class PodControl {
  readonly #client: Client;
  readonly #recorder: EventRecorder;

  constructor(client: Client, recorder: EventRecorder) {
    this.#client = client;
    this.#recorder = recorder;
  }

  /** Throws the server's StatusError; a warning Event tells of it unless the namespace is terminating. */
  async create(pod: Pod, owner: KubeObject): Promise<Pod> {
    try {
      const created = await this.#client.resource(pods, pod.metadata?.namespace).create(pod);
      this.#recorder.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata?.name ?? ""}`);
      return created;
    } catch (error) {
      if (!isNamespaceTerminating(error)) {
        this.#recorder.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      }
      throw error;
    }
  }

  /**
   * Deletes that very pod: another one that took its name meanwhile stays. Throws the server's StatusError; NotFound comes
   * through so that the caller can settle its expectations.
   */
  async delete(pod: Pod, owner: KubeObject): Promise<void> {
    const { namespace, name, uid } = metaOf(pod);
    try {
      await this.#client.resource(pods, namespace).delete(name, { preconditions: { uid } });
    } catch (error) {
      if (isNotFound(error)) throw error;
      if (isConflict(error)) throw newNotFound({ group: "", resource: "pods" }, name);
      this.#recorder.event(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
      throw error;
    }
    this.#recorder.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
