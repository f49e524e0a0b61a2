// A namespace of the shared cluster for one test, and how the test looks at what is in it.
import type { Container, Event, Pod, PodTemplateSpec } from "@knots/api/core/v1";
import { events, namespaces, nodes, pods, serviceAccounts } from "@knots/api/core/v1";
import { Client, loadKubeconfig, type ListOptions, type ResourceClient, type WatchEvent } from "@knots/client";
import { isNotFound, type KubeObject, type ResourceType } from "@knots/machinery";
import { inject } from "vitest";
import { eventually, runCommand, type Outcome } from "../cluster.ts";

const kubeconfig = inject("kubeconfig");

/** False where this machine has no cluster: the tests are skipped. */
export const hasCluster = kubeconfig !== "";

/** How long a wait lasts at most. Far beyond what is needed: only a failing test waits so long. */
const PATIENCE_MS = 180_000;

/** One connection for all tests of a file; it ends with the file's process. */
let shared: Client | undefined;
export function client(): Client {
  return (shared ??= new Client(loadKubeconfig(kubeconfig)));
}

export class Place implements AsyncDisposable {
  readonly namespace: string;
  readonly client: Client = client();

  private constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** A new namespace; given up, with all that is in it, when the place is disposed of. */
  static async open(prefix: string): Promise<Place> {
    const made = await client()
      .resource(namespaces)
      .create({ metadata: { generateName: `${prefix}-` } });
    const place = new Place(nameOf(made));
    // Pods are refused before their account is there.
    await place.until(serviceAccounts, "default", "there", () => true);
    return place;
  }

  /** A node's resource that no other test has. */
  get ownResource(): string {
    return `example.com/${this.namespace}`;
  }

  /** Gives node-1 so much of `ownResource`; undefined takes it back. */
  async offer(amount: number | undefined): Promise<void> {
    const offered = { [this.ownResource]: amount === undefined ? null : String(amount) };
    await this.client
      .resource(nodes)
      .patch(
        "node-1",
        { status: { capacity: offered, allocatable: offered } },
        { type: "merge", subresource: "status" },
      );
  }

  of<T extends KubeObject>(type: ResourceType<T>): ResourceClient<T> {
    return this.client.resource(type, this.namespace);
  }

  /** Waits until the object is there and as it should be; gives it. */
  async until<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    what: string,
    check: (object: T) => boolean,
  ): Promise<T> {
    let seen: T | undefined;
    try {
      return await this.eventually(`${type.resource} ${name}: ${what}`, async () => {
        seen = await this.of(type).get(name);
        return check(seen) && seen;
      });
    } catch (error) {
      throw new Error(`${String(error)}; last seen: ${JSON.stringify(seen)}`, { cause: error });
    }
  }

  async untilGone(type: ResourceType, name: string): Promise<void> {
    await this.eventually(`${type.resource} ${name} is gone`, async () => {
      try {
        await this.of(type).get(name);
        return false;
      } catch (error) {
        if (isNotFound(error)) return true;
        throw error;
      }
    });
  }

  /** Waits until the pods that a selector finds are as they should be; gives them, by name. */
  async untilPods(what: string, selector: string, check: (pods: Pod[]) => boolean): Promise<Pod[]> {
    let seen: Pod[] = [];
    try {
      return await this.eventually(what, async () => {
        seen = await this.pods({ labelSelector: selector });
        return check(seen) && seen;
      });
    } catch (error) {
      const states = seen.map(({ metadata, status }) => [metadata?.name, metadata?.deletionTimestamp, status]);
      throw new Error(`${String(error)}; last seen: ${JSON.stringify(states)}`, { cause: error });
    }
  }

  /** Pods by name. */
  async pods(options: ListOptions = {}): Promise<Pod[]> {
    const { items } = await this.of(pods).list(options);
    return items.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  /** Waits for an Event about an object. */
  async event(name: string, reason: string): Promise<Event> {
    return await this.eventually(`an Event ${reason} about ${name}`, async () => {
      const { items } = await this.of(events).list({ fieldSelector: `involvedObject.name=${name},reason=${reason}` });
      return items[0];
    });
  }

  async eventually<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
    return await eventually(what, probe, PATIENCE_MS);
  }

  /** Tells `see` what happens in this namespace, from now until the result is called. That throws when the watch broke. */
  watch<T extends KubeObject>(
    type: ResourceType<T>,
    see: (event: WatchEvent<T>) => void,
    labelSelector = "",
  ): () => Promise<void> {
    const { signal, abort } = abortable();
    const ended = (async () => {
      for await (const event of this.of(type).watch({ labelSelector, signal })) see(event);
    })().catch((error: unknown) => {
      if (!signal.aborted) return error;
      return undefined;
    });
    return async () => {
      const early = await Promise.race([ended, Promise.resolve()]);
      abort();
      await ended;
      if (early !== undefined) throw new Error("the watch broke", { cause: early });
    };
  }

  /** kubectl in this namespace: its output; throws with its words when it fails. */
  async kubectl(line: string, ...more: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(line, ...more);
    if (code !== 0) throw new Error(`kubectl ${line}: ${stderr}`);
    return stdout;
  }

  async run(line: string, ...more: string[]): Promise<Outcome> {
    const env = { ...process.env, KUBECONFIG: kubeconfig };
    return await runCommand("kubectl", ["-n", this.namespace, ...line.split(" "), ...more], { env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.resource(namespaces).delete(this.namespace);
  }
}

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

export function nameOf(object: KubeObject): string {
  return object.metadata?.name ?? "";
}

/** A container that runs a script of the shell and ends at once when it is told to. */
export function shell(script: string, more: Partial<Container> = {}): Container {
  return { name: "main", image: "busybox:1.35", command: ["sh", "-c", script], ...more };
}

/** A script that does nothing for long, and ends at once when it is told to. */
export const IDLE = "trap 'exit 0' TERM; sleep 3600 & wait";

/** The template of pods with these labels and one container. */
export function template(labels: Record<string, string>, container: Container, spec: object = {}): PodTemplateSpec {
  return { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container], ...spec } };
}

export function isReady(pod: Pod): boolean {
  return (
    pod.metadata?.deletionTimestamp === undefined &&
    pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true
  );
}

/** The uid of the object that controls another. */
export function controllerOf(object: KubeObject): string | undefined {
  return object.metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}
