/** ConfigMaps, Secrets and service-account tokens as pods need them: by name, only those that pods on this node refer to. */
import type { ConfigMap, Secret } from "@knots/api/core/v1";

export interface ObjectReader {
  /** Rejects with a NotFound StatusError when there is none. */
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
  /**
   * Drop what is cached for a namespace, or of that what was read longer ago than this: a pod that is new or changed,
   * and a container that starts, shall see the objects as they are now.
   */
  invalidate(namespace: string, olderThanMs?: number): void;
}
