/** Image garbage collection: above the high mark the longest unused images go, until the low mark is reached. */
import type { Clock, Logger } from "@knots/machinery";
import type { cri, CriClients } from "../cri/types.ts";
import { filesystem } from "../node/machine-info.ts";

export interface ImageGCPolicy {
  /** Percent of the disk. */
  readonly highThresholdPercent: number;
  readonly lowThresholdPercent: number;
  /** An image younger than this on the node stays. */
  readonly minAgeMs: number;
}

export const DEFAULT_IMAGE_GC: ImageGCPolicy = { highThresholdPercent: 85, lowThresholdPercent: 80, minAgeMs: 120_000 };

export interface ImageUse {
  readonly image: Pick<cri.Image, "id" | "size" | "pinned">;
  readonly firstSeen: number;
  readonly lastUsed: number;
}

/** The images to remove, in order, to free `bytes`; images in use and pinned ones are never among them. */
export function imagesToRemove(
  images: readonly ImageUse[],
  inUse: ReadonlySet<string>,
  bytes: number,
  now: number,
  minAgeMs: number,
): string[] {
  const chosen: string[] = [];
  let freed = 0;
  for (const { image, firstSeen } of images.toSorted((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen)) {
    if (freed >= bytes) break;
    if (image.pinned || inUse.has(image.id) || now - firstSeen < minAgeMs) continue;
    chosen.push(image.id);
    freed += Number(image.size);
  }
  return chosen;
}

export interface ImageCollectorOptions {
  readonly cri: CriClients;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: ImageGCPolicy;
  readonly lastUsed: ReadonlyMap<string, number>;
}

export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #firstSeen = new Map<string, number>();

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
  }

  /** Rejects with upstream's message when not enough could be freed. */
  async collect(): Promise<void> {
    const { cri, clock, logger, policy, lastUsed } = this.#options;
    const [images, containers, info] = await Promise.all([
      cri.images.listImages(),
      cri.runtime.listContainers(),
      cri.images.imageFsInfo(),
    ]);
    const now = clock.now();
    for (const image of images) if (!this.#firstSeen.has(image.id)) this.#firstSeen.set(image.id, now);
    const mountpoint = info.imageFilesystems[0]?.fsId?.mountpoint;
    if (mountpoint === undefined) return;
    const disk = await filesystem(mountpoint);
    const usedPercent = 100 - Math.floor((disk.available * 100) / disk.capacity);
    if (usedPercent < policy.highThresholdPercent) return;
    const wanted = Math.floor((disk.capacity * (100 - policy.lowThresholdPercent)) / 100) - disk.available;
    const pause = await this.#sandboxImage();
    const inUse = new Set(
      containers.flatMap((container) => [container.imageRef, container.image?.image ?? "", container.imageId]),
    );
    if (pause !== undefined) inUse.add(pause);
    const uses = images.map((image) => ({
      image,
      firstSeen: this.#firstSeen.get(image.id) ?? now,
      lastUsed: lastUsed.get(image.id) ?? 0,
    }));
    let freed = 0;
    for (const id of imagesToRemove(uses, inUse, wanted, now, policy.minAgeMs)) {
      await cri.images.removeImage(id);
      freed += Number(images.find((image) => image.id === id)?.size ?? 0n);
      logger.info({ image: id }, "removed unused image to free space");
    }
    if (freed < wanted) {
      throw new Error(
        `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`,
      );
    }
  }

  /** Id of the pause image, which no container in the list uses and which must stay. */
  async #sandboxImage(): Promise<string | undefined> {
    const { runtime, images } = this.#options.cri;
    const { info } = await runtime.status(true);
    const name = (JSON.parse(info["config"] ?? "{}") as { sandboxImage?: string }).sandboxImage;
    return name === undefined ? undefined : (await images.imageStatus(name))?.id;
  }
}
