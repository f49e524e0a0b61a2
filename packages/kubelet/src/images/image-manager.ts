/** Makes sure that the image of a container is there, by its pull policy. */
import type { Container, Pod, Secret } from "@knots/api/core/v1";
import type { Clock } from "@knots/machinery";
import { errorText } from "../cri/error.ts";
import type { cri, ImageService } from "../cri/types.ts";
import { containerRef, type Recorder } from "../events.ts";
import { Backoff } from "../pods/backoff.ts";
import type { StartFailure } from "../status/container-statuses.ts";
import { pullCredentials } from "./pull-credentials.ts";
import { withDefaultTag } from "./reference.ts";

/** Why there is no image; `reason` is what the container waits with. */
export class ImageError extends Error implements StartFailure {
  readonly reason: string;
  /** When a further attempt makes sense, milliseconds from now. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface ImageManagerOptions {
  readonly images: ImageService;
  readonly clock: Clock;
  readonly recorder: Recorder;
  /** One pull at a time (upstream's default), or at most this many at once. */
  readonly maxParallelPulls: number;
}

const BASE_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 300_000;
/** After a failed pull the pod is looked at again this soon, to show that it now waits. */
const NEXT_LOOK_MS = 3_000;

export class ImageManager {
  readonly #options: ImageManagerOptions;
  readonly #backoff: Backoff;
  readonly #lastError = new Map<string, string>();
  /** Images used or seen, with the time; image GC removes the longest unused. */
  readonly lastUsed = new Map<string, number>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: ImageManagerOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: BASE_BACKOFF_MS, maxMs: MAX_BACKOFF_MS, now: () => options.clock.now() });
  }

  /** Resolves to the reference the container is created with; rejects with an ImageError. */
  async ensure(
    pod: Pod,
    container: Container,
    secrets: readonly Secret[],
    sandbox: cri.PodSandboxConfig | undefined,
  ): Promise<string> {
    const { recorder, images, clock } = this.#options;
    const ref = containerRef(pod, container);
    const given = container.image ?? "";
    let image: string;
    try {
      image = withDefaultTag(given);
    } catch (error) {
      const message = `Failed to apply default image tag "${given}": ${errorText(error)}`;
      recorder.event(ref, "Warning", "InspectFailed", message);
      throw new ImageError("InvalidImageName", message);
    }
    let present: cri.Image | undefined;
    try {
      present = await images.imageStatus(image);
    } catch (error) {
      const message = `Failed to inspect image "${image}": ${errorText(error)}`;
      recorder.event(ref, "Warning", "InspectFailed", message);
      throw new ImageError("ImageInspectError", message);
    }
    const policy = container.imagePullPolicy ?? (image.endsWith(":latest") ? "Always" : "IfNotPresent");
    if (policy !== "Always" && present !== undefined) {
      recorder.event(
        ref,
        "Normal",
        "Pulled",
        `Container image "${given}" already present on machine and can be accessed by the pod`,
      );
      this.lastUsed.set(present.id, clock.now());
      return present.id;
    }
    if (policy === "Never") {
      const message = `Container image "${given}" is not present with pull policy of Never`;
      recorder.event(ref, "Warning", "ErrImageNeverPull", message);
      throw new ImageError("ErrImageNeverPull", message);
    }
    return this.#pull(pod, container, image, secrets, sandbox);
  }

  async #pull(
    pod: Pod,
    container: Container,
    image: string,
    secrets: readonly Secret[],
    sandbox: cri.PodSandboxConfig | undefined,
  ): Promise<string> {
    const { recorder, images, clock } = this.#options;
    const ref = containerRef(pod, container);
    const given = container.image ?? "";
    const key = `${pod.metadata?.uid ?? ""}_${given}`;
    const wait = this.#backoff.remainingSinceUpdate(key);
    if (wait > 0) {
      recorder.event(ref, "Normal", "BackOff", `Back-off pulling image "${given}"`);
      const last = this.#lastError.get(key);
      throw new ImageError(
        "ImagePullBackOff",
        `Back-off pulling image "${given}"${last === undefined ? "" : `: ErrImagePull: ${last}`}`,
        wait,
      );
    }
    recorder.event(ref, "Normal", "Pulling", `Pulling image "${given}"`);
    const asked = clock.monotonic();
    try {
      const { imageRef, took } = await this.#limited(async () => {
        const began = clock.monotonic();
        const pulled = await this.#pullWithAny(image, secrets, sandbox);
        return { imageRef: pulled, took: clock.monotonic() - began };
      });
      const status = await images.imageStatus(imageRef).catch(() => undefined);
      recorder.event(
        ref,
        "Normal",
        "Pulled",
        `Successfully pulled image "${given}" in ${seconds(took)} (${seconds(clock.monotonic() - asked)} including waiting). Image size: ${status?.size ?? 0n} bytes.`,
      );
      this.#backoff.reset(key);
      this.#lastError.delete(key);
      this.lastUsed.set(status?.id ?? imageRef, clock.now());
      return imageRef;
    } catch (error) {
      const text = errorText(error);
      recorder.event(ref, "Warning", "Failed", `Failed to pull image "${given}": ${text}`);
      this.#backoff.next(key, clock.now());
      this.#lastError.set(key, text);
      throw new ImageError("ErrImagePull", text, NEXT_LOOK_MS);
    }
  }

  async #pullWithAny(
    image: string,
    secrets: readonly Secret[],
    sandbox: cri.PodSandboxConfig | undefined,
  ): Promise<string> {
    const credentials = pullCredentials(secrets, image);
    if (credentials.length === 0) return this.#options.images.pullImage(image, undefined, sandbox);
    let failure: unknown;
    for (const auth of credentials) {
      try {
        return await this.#options.images.pullImage(image, auth, sandbox);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #limited<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.maxParallelPulls)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await task();
    } finally {
      // The place is handed on, or given back.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** As Go prints a duration cut to milliseconds. */
export function seconds(ms: number): string {
  const whole = Math.trunc(ms);
  if (whole === 0) return "0s";
  if (whole < 1000) return `${whole}ms`;
  if (whole < 60_000) return `${whole / 1000}s`;
  return `${Math.floor(whole / 60_000)}m${(whole % 60_000) / 1000}s`;
}
