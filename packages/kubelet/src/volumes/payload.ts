/** The files that configMap, secret, downwardAPI and projected volumes consist of. */
import type { ConfigMap, Node, Pod, Secret, Volume } from "@knots/api/core/v1";
import { isNotFound } from "@knots/machinery";
import { fieldValue, resourceValue } from "../env/field-ref.ts";
import type { ObjectReader } from "../objects/object-reader.ts";

export interface PayloadFile {
  readonly data: Uint8Array;
  readonly mode: number;
  /** The owner; root where it is absent. */
  readonly uid?: number;
}

/** Relative path → file. */
export type Payload = Map<string, PayloadFile>;

export interface PayloadContext {
  readonly objects: ObjectReader;
  readonly node: Node | undefined;
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
  /** A token of the pod's service account, bound to the pod. */
  serviceAccountToken(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
}

interface Item {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

const DEFAULT_MODE = 0o644;

/** undefined: the volume is not one of those that are written from objects. */
export async function payloadOf(pod: Pod, volume: Volume, context: PayloadContext): Promise<Payload | undefined> {
  const payload: Payload = new Map();
  if (volume.configMap !== undefined) {
    const source = volume.configMap;
    await addConfigMap(
      payload,
      pod,
      source.name ?? "",
      source.items,
      source.optional === true,
      source.defaultMode ?? DEFAULT_MODE,
      context,
    );
    return payload;
  }
  if (volume.secret !== undefined) {
    const source = volume.secret;
    await addSecret(
      payload,
      pod,
      source.secretName ?? "",
      source.items,
      source.optional === true,
      source.defaultMode ?? DEFAULT_MODE,
      context,
    );
    return payload;
  }
  if (volume.downwardAPI !== undefined) {
    addDownward(payload, pod, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? DEFAULT_MODE, context);
    return payload;
  }
  if (volume.projected === undefined) return undefined;
  const mode = volume.projected.defaultMode ?? DEFAULT_MODE;
  for (const source of volume.projected.sources ?? []) {
    if (source.configMap !== undefined) {
      const { name = "", items, optional } = source.configMap;
      await addConfigMap(payload, pod, name, items, optional === true, mode, context);
    } else if (source.secret !== undefined) {
      const { name = "", items, optional } = source.secret;
      await addSecret(payload, pod, name, items, optional === true, mode, context);
    } else if (source.downwardAPI !== undefined) {
      addDownward(payload, pod, source.downwardAPI.items ?? [], mode, context);
    } else if (source.serviceAccountToken !== undefined) {
      const { audience, expirationSeconds = 3600, path } = source.serviceAccountToken;
      payload.set(path, {
        data: Buffer.from(await context.serviceAccountToken(pod, audience, expirationSeconds)),
        ...tokenOwnership(pod, mode),
      });
    } else {
      throw new Error(`projected volume source ${Object.keys(source).join(", ")} is not supported by this kubelet`);
    }
  }
  return payload;
}

/**
 * A token is for the user of the pod alone, where all its containers run as the same one, and for the pod's group, to
 * which the ownership of the volume adds it; where neither is known, for everybody in the pod.
 */
function tokenOwnership(pod: Pod, mode: number): { mode: number; uid?: number } {
  const uid = commonUser(pod);
  const restricted = uid !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
  return { mode: restricted ? 0o600 : mode, ...(uid === undefined ? {} : { uid }) };
}

/** The user that every container of the pod is told to run as; ephemeral ones do not count. */
function commonUser({ spec }: Pod): number | undefined {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const users = new Set(
    containers.map(({ securityContext }) => securityContext?.runAsUser ?? spec?.securityContext?.runAsUser),
  );
  return users.size === 1 ? [...users][0] : undefined;
}

async function addConfigMap(
  payload: Payload,
  pod: Pod,
  name: string,
  items: readonly Item[] | undefined,
  optional: boolean,
  mode: number,
  context: PayloadContext,
): Promise<void> {
  const map = await orUndefined<ConfigMap>(context.objects.configMap(pod.metadata?.namespace ?? "", name), optional);
  if (map === undefined) return;
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(map.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(map.binaryData ?? {})) data.set(key, Buffer.from(value, "base64"));
  select(payload, data, items, optional, mode);
}

async function addSecret(
  payload: Payload,
  pod: Pod,
  name: string,
  items: readonly Item[] | undefined,
  optional: boolean,
  mode: number,
  context: PayloadContext,
): Promise<void> {
  const secret = await orUndefined<Secret>(context.objects.secret(pod.metadata?.namespace ?? "", name), optional);
  if (secret === undefined) return;
  const data = new Map(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64")] as const),
  );
  select(payload, data, items, optional, mode);
}

/** Without items every key is a file; with items only those, under their paths. */
function select(
  payload: Payload,
  data: ReadonlyMap<string, Uint8Array>,
  items: readonly Item[] | undefined,
  optional: boolean,
  mode: number,
): void {
  if (items === undefined || items.length === 0) {
    for (const [key, value] of data) payload.set(key, { data: value, mode });
    return;
  }
  for (const item of items) {
    const value = data.get(item.key);
    if (value !== undefined) payload.set(item.path, { data: value, mode: item.mode ?? mode });
    else if (!optional) throw new Error(`references non-existent config key: ${item.key}`);
  }
}

type DownwardItem = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>[number];

function addDownward(
  payload: Payload,
  pod: Pod,
  items: readonly DownwardItem[],
  mode: number,
  context: PayloadContext,
): void {
  for (const item of items) {
    let text = "";
    if (item.fieldRef !== undefined) text = fieldValue(pod, item.fieldRef, context);
    else if (item.resourceFieldRef !== undefined) {
      const name = item.resourceFieldRef.containerName;
      const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
        (candidate) => candidate.name === name,
      );
      if (container === undefined) throw new Error(`container ${name ?? ""} not found`);
      text = resourceValue(container, item.resourceFieldRef, context.node);
    }
    payload.set(item.path, { data: Buffer.from(text), mode: item.mode ?? mode });
  }
}

async function orUndefined<T>(promise: Promise<T>, optional: boolean): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (optional && isNotFound(error)) return undefined;
    throw error;
  }
}
