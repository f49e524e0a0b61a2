/** The seam between the pod workers and the volumes of a pod. */
import type { Pod } from "@knots/api/core/v1";

export interface MountedVolume {
  /** Path on the node that is bind-mounted into containers; a directory, or a file for a hostPath of that kind. "" for block devices and images. */
  readonly hostPath: string;
  /** The volume can only be read, whatever the mount says. */
  readonly readOnly?: boolean;
  /** For image volumes: what the runtime is asked to mount. */
  readonly image?: string;
  /** Raw block volumes: the device. */
  readonly devicePath?: string;
}

/**
 * Volumes of the pods of this node. All methods are idempotent and may be called again after a failure; state that must survive a
 * restart of the kubelet lies under `<rootDir>/pods/<uid>/volumes/<plugin~name>/<volume>`.
 */
export interface VolumeManager {
  /** Sets up every volume of the pod, by volume name. Rejects with a message for the FailedMount event when one cannot be set up (yet). */
  mountPod(pod: Pod): Promise<ReadonlyMap<string, MountedVolume>>;
  /** Tears down every volume of the pod. Resolves when nothing of it is mounted any more. */
  unmountPod(uid: string): Promise<void>;
  /** Starts what keeps mounted volumes up to date (config maps, secrets, tokens). */
  start?(): void;
}
