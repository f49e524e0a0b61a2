/** Static pods: manifests in a directory of the node. */
import { createHash } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "@knots/api/core/v1";
import { type Clock, formatTime, type Logger, type Timer } from "@knots/machinery";
import { parse } from "yaml";
import {
  ANNOTATION_CONFIG_HASH,
  ANNOTATION_CONFIG_MIRROR,
  ANNOTATION_CONFIG_SEEN,
  ANNOTATION_CONFIG_SOURCE,
} from "../runtime/labels.ts";

export interface StaticPodsOptions {
  /** A directory, or one file. */
  readonly path: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onAdd: (pod: Pod) => void;
  readonly onRemove: (pod: Pod) => void;
}

/** The directory is read again this often, whatever the notifications say. */
const POLL_MS = 20_000;
/** An editor writes a file in several steps. */
const SETTLE_MS = 100;

export class StaticPods implements AsyncDisposable {
  readonly #options: StaticPodsOptions;
  readonly #pods = new Map<string, Pod>();
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #stopped = false;
  #reading: Promise<void> = Promise.resolve();
  #synced = false;

  constructor(options: StaticPodsOptions) {
    this.#options = options;
  }

  get hasSynced(): boolean {
    return this.#synced;
  }

  /** Resolves after the first read. */
  async start(): Promise<void> {
    try {
      this.#watcher = watch(this.#options.path, () => this.#soon(SETTLE_MS));
      this.#watcher.on("error", () => undefined);
    } catch {
      // Not there (yet), or no notifications here: polling finds it.
    }
    await this.#read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#watcher?.close();
    this.#timer?.cancel();
    await this.#reading;
  }

  #soon(ms: number): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => void this.#read(), ms);
  }

  #read(): Promise<void> {
    this.#reading = this.#reading
      .then(() => this.#readOnce())
      .catch((error: unknown) =>
        this.#options.logger.error({ path: this.#options.path, error }, "cannot read static pods"),
      )
      .finally(() => this.#soon(POLL_MS));
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const { path, nodeName, clock, logger, onAdd, onRemove } = this.#options;
    const found = new Map<string, Pod>();
    for (const file of await manifests(path)) {
      try {
        const pod = staticPod(await readFile(file, "utf8"), file, nodeName, clock.now(), await podDefaults());
        found.set(pod.metadata?.uid ?? "", this.#pods.get(pod.metadata?.uid ?? "") ?? pod);
      } catch (error) {
        // One bad manifest must not take the others away.
        logger.error({ file, error }, "cannot use static pod manifest");
      }
    }
    for (const [uid, pod] of this.#pods) {
      if (found.has(uid)) continue;
      this.#pods.delete(uid);
      onRemove(pod);
    }
    for (const [uid, pod] of found) {
      if (this.#pods.has(uid)) continue;
      this.#pods.set(uid, pod);
      onAdd(pod);
    }
    this.#synced = true;
  }
}

async function manifests(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return [];
  if (info.isFile()) return [path];
  // Hidden files are editors' business.
  const names = (await readdir(path)).filter((name) => !name.startsWith(".") && /\.(ya?ml|json)$/.test(name));
  return names.toSorted().map((name) => join(path, name));
}

/** A manifest as the pod that runs: name and uid belong to this node. Throws when it is not a pod. */
export function staticPod(
  text: string,
  file: string,
  nodeName: string,
  now: number,
  applyDefaults: (pod: Pod) => void,
): Pod {
  const read = parse(text, { version: "1.1" }) as Pod | null;
  if (read?.kind !== "Pod" || read.metadata?.name === undefined || read.spec === undefined)
    throw new Error(`${file} is not a Pod with a name and a spec`);
  const uid = createHash("md5").update(`${nodeName}\n${file}\n${text}`).digest("hex");
  const pod: Pod = structuredClone(read);
  applyDefaults(pod);
  pod.apiVersion = "v1";
  pod.metadata = {
    ...pod.metadata,
    name: `${read.metadata.name}-${nodeName}`.toLowerCase(),
    namespace: read.metadata.namespace ?? "default",
    uid: read.metadata.uid ?? uid,
    annotations: {
      ...read.metadata.annotations,
      [ANNOTATION_CONFIG_HASH]: read.metadata.uid ?? uid,
      [ANNOTATION_CONFIG_SEEN]: new Date(now).toISOString(),
      [ANNOTATION_CONFIG_SOURCE]: "file",
    },
    creationTimestamp: formatTime(new Date(now)),
  };
  const spec: NonNullable<Pod["spec"]> = {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    enableServiceLinks: true,
    securityContext: {},
    schedulerName: "default-scheduler",
    ...pod.spec,
    containers: pod.spec?.containers ?? [],
    nodeName,
    // A taint never drives a static pod away.
    tolerations: [...(pod.spec?.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
  };
  pod.spec = spec;
  pod.status = { phase: "Pending" };
  return pod;
}

export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata?.annotations?.[ANNOTATION_CONFIG_SOURCE];
  return source !== undefined && source !== "api" && !isMirrorPod(pod);
}

export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata?.annotations?.[ANNOTATION_CONFIG_MIRROR] !== undefined;
}

/** The pod in the API that shows a static pod to everybody else. */
export function mirrorPodOf(pod: Pod, nodeUID: string | undefined): Pod {
  const hash = pod.metadata?.annotations?.[ANNOTATION_CONFIG_HASH] ?? "";
  const nodeName = pod.spec?.nodeName ?? "";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: pod.metadata?.name ?? "",
      namespace: pod.metadata?.namespace ?? "default",
      ...(pod.metadata?.labels === undefined ? {} : { labels: pod.metadata.labels }),
      annotations: { ...pod.metadata?.annotations, [ANNOTATION_CONFIG_MIRROR]: hash },
      ...(nodeUID === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeUID, controller: true }] }),
    },
    ...(pod.spec === undefined ? {} : { spec: pod.spec }),
  };
}

/** The API's defaults. Loaded only where there are static pods: the schemas take memory. */
async function podDefaults(): Promise<(pod: Pod) => void> {
  const { applySchemaDefaults, schemaFor } = await import("@knots/api");
  const schema = schemaFor({ group: "", version: "v1", kind: "Pod" });
  return (pod) => {
    if (schema !== undefined) applySchemaDefaults(schema, pod);
  };
}
